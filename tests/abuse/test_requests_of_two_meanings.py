"""What could be read in two ways is not read at all, and nothing behind it is either."""

import re

import pytest
from malformed import BEHIND_THE_HEAD, ONLY_ODD, TWO_MEANINGS
from rawhttp import PROBLEM, fresh_address, said_until_closed

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


@pytest.mark.parametrize("wrong", TWO_MEANINGS)
def test_a_request_of_two_meanings_is_refused_and_its_connection_closed(fortress, wrong):
    address = fresh_address()
    request = TWO_MEANINGS[wrong].replace("{host}", fortress.door.name).encode("latin-1")
    fortress.expect(address, 1)
    fortress.stories[address] = wrong.encode()

    heard = said_until_closed(fortress.door, address, request, 5)

    [status] = STATUS.findall(heard)
    [event] = fortress.events(address)
    assert PROBLEM.encode() in heard
    assert event["outcome"] == "refused"
    if wrong in BEHIND_THE_HEAD:
        assert {int(status), event["status"]} <= {400, 401}
    else:
        assert int(status) == event["status"] == 400
        assert event["code"] == "bad_request"
        assert b"bad_request" in heard


@pytest.mark.parametrize("odd", ONLY_ODD)
def test_what_is_only_odd_is_not_answered_without_a_key(fortress, odd):
    address = fresh_address()
    written = ONLY_ODD[odd].replace("{host}", fortress.door.name)
    request = written.replace("{key}", fortress.key("all")).encode()

    heard = said_until_closed(fortress.door, address, request, 1)

    answers = STATUS.findall(heard)
    assert answers
    assert all(400 <= int(status) < 500 for status in answers)
    fortress.expect(address, len(answers))
    assert len(fortress.events(address)) == len(answers)
