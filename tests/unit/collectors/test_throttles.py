"""What counts as a refusal for rate, and how long it lasts."""

from email.utils import formatdate

import pytest
from held_clock import START
from httpx2 import Headers
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.collectors.rest.throttle import Throttled, throttled, used_weight
from cloud_marketdata.domain.values import NS_PER_S

NOW = START * NS_PER_S
LATER = formatdate(START + 90, usegmt=True)
TOO_MANY = b'{"retCode":10006,"retMsg":"Too many visits!","result":{},"time":1}'


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, None),
        ("30", 30),
        ("0", 0),
        (LATER, 90),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),  # the obsolete forms are still dates, long past
        ("Sun Nov  6 08:49:37 1994", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("\u0663", None),
        ("9" * 16, None),  # longer than any wait or time
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 99999999999999999999:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 -99999999999999", None),
    ],
)
@pytest.mark.parametrize("status", [403, 418, 429])
def test_retry_after_is_seconds_or_a_date(status, retry_after, seconds):
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    assert throttled(status, headers, b"", NOW) == Throttled(status, seconds)


@given(text=st.text(max_size=40))
def test_no_header_whatever_it_holds_raises(text):
    refusal = throttled(429, {"Retry-After": text}, b"", NOW)
    assert refusal
    assert refusal.retry_after_s is None or refusal.retry_after_s >= 0
    throttled(200, {"X-Bapi-Limit-Reset-Timestamp": text}, TOO_MANY, NOW)
    used_weight({"X-MBX-USED-WEIGHT-1M": text})


@given(seconds=st.integers(0, 10**7))
def test_a_date_and_seconds_say_the_same(seconds):
    dated = {"Retry-After": formatdate(START + seconds, usegmt=True)}
    counted = {"Retry-After": str(seconds)}
    assert throttled(429, dated, b"", NOW) == throttled(429, counted, b"", NOW)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [(START * 1000 + 1500, 1.5), (START * 1000, None), (0, None), ("", None), ("9" * 5000, None)],
)
def test_bybit_refuses_in_the_body_of_a_good_answer(reset, seconds):
    headers = Headers({"x-bapi-limit-reset-timestamp": str(reset)})
    assert throttled(200, headers, TOO_MANY, NOW) == Throttled(10_006, seconds)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"10006",
        b"{10006",
        b'{"retCode":"10006"}',
        b'{"retCode":0,"result":{"list":[{"price":"10006"}]},"time":10006}',
        b'{"lastUpdateId":10006,"bids":[],"asks":[]}',
    ],
)
def test_the_number_elsewhere_is_no_refusal(body):
    assert throttled(200, {}, body, NOW) is None


@pytest.mark.parametrize("status", [200, 400, 404, 451, 500, 503])
def test_other_answers_are_no_refusals_for_rate(status):
    assert throttled(status, {"Retry-After": "5"}, b"{}", NOW) is None


def test_the_venues_own_count_is_read_where_it_is_told():
    assert used_weight(Headers({"x-mbx-used-weight-1m": "1234"})) == 1234
    assert used_weight(Headers()) is None
    assert used_weight({"X-MBX-USED-WEIGHT-1M": "9" * 5000}) is None
