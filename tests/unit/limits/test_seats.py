"""Connections by address and by key: so many at one time, and a seat that is left is free."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.identity import LOCAL, Identity
from cloud_marketdata.security.limits.seats import Seats
from cloud_marketdata.security.refusals import QuotaExceededError

pytestmark = pytest.mark.anyio
KEY = Identity("abcdefgh", "tester", frozenset())


@pytest.fixture
def seats() -> Seats:
    return Seats(Settings(stream_per_ip=3, stream_per_key=2))


def held(seats: Seats, address: str, times: int) -> int:
    """Take seats until one is refused; return how many there were."""
    with ExitStack() as stack:
        for number in range(times):
            try:
                stack.enter_context(seats.of_address(address))
            except QuotaExceededError:
                return number
    return times


def test_an_address_has_so_many_and_gets_them_back(seats):
    assert [held(seats, "203.0.113.1", 10) for _ in range(3)] == [3, 3, 3]


def test_one_network_of_ipv6_is_one_address(seats):
    with seats.of_address("2001:db8::1"), seats.of_address("2001:db8::2"):
        assert held(seats, "2001:db8::3", 10) == 1
        assert held(seats, "2001:db8:1::3", 10) == 3


def test_a_refusal_says_what_it_is_about_and_when_to_try_again(seats):
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(seats.of_key(KEY))
        with (
            pytest.raises(QuotaExceededError, match="2 connections with this key") as told,
            seats.of_key(KEY),
        ):
            pass
    assert (told.value.status, told.value.retry_after_s) == (429, 5.0)


def test_who_has_no_key_needs_no_seat_of_one(seats):
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(seats.of_key(LOCAL))


@given(course=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_there_are_never_more_than_so_many_and_never_one_too_few(course):
    seats = Seats(Settings(stream_per_ip=3))
    open_: dict[str, list[ExitStack]] = {name: [] for name in "abc"}
    for name, comes in course:
        if not comes:
            if open_[name]:
                open_[name].pop().close()
            continue
        stack = ExitStack()
        try:
            stack.enter_context(seats.of_address(name))
        except QuotaExceededError:
            assert len(open_[name]) == 3
        else:
            open_[name].append(stack)
            assert len(open_[name]) <= 3


async def test_seats_and_refusals_are_told_and_what_is_left_is_let_go(seats):
    with seats.of_address("a"), seats.of_address("b"), seats.of_key(KEY):
        assert held(seats, "a", 10) == 2
        pulse = await seats.pulse()

    assert pulse.detail == {"held": {"ip": 2, "key": 1}, "refused": {"ip": 1}}
    after = await seats.pulse()
    assert after.detail["held"] == {}


def test_who_leaves_by_an_error_leaves_the_seat(seats):
    for _ in range(10):
        with pytest.raises(ZeroDivisionError), seats.of_address("a"), seats.of_key(KEY):
            raise ZeroDivisionError
