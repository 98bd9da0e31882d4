"""Sessions are plain stretches of UTC."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.processing.metrics.sessions import SESSIONS, closed_sessions, session

days = st.dates(date(1971, 1, 1), date(2090, 1, 1))


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("utc_day", "2024-08-08T00:00Z", "2024-08-09T00:00Z"),
        ("asia", "2024-08-08T00:00Z", "2024-08-08T08:00Z"),
        ("europe", "2024-08-08T07:00Z", "2024-08-08T16:00Z"),
        ("us", "2024-08-08T13:00Z", "2024-08-08T22:00Z"),
        ("week", "2024-08-05T00:00Z", "2024-08-12T00:00Z"),
        ("month", "2024-08-01T00:00Z", "2024-09-01T00:00Z"),
    ],
)
def test_a_session_is_from_when_to_when_its_name_says(name, start, end):
    found = session(name, date(2024, 8, 8))
    assert (found.start, found.end) == (at(start), at(end))


@given(days, st.sampled_from(("utc_day", "week", "month")))
def test_whole_sessions_touch_each_other(day, name):
    one = session(name, day)
    after = datetime.fromtimestamp(one.end // NS_PER_S, UTC).date()
    assert session(name, after).start == one.end
    assert session(name, one.day) == one


@given(days, st.sampled_from(SESSIONS), st.integers(1, 5), st.integers(0, 23))
def test_closed_sessions_are_the_last_ones_that_are_over(day, name, count, hour):
    now = session("utc_day", day).start + hour * Timeframe.H1.ns
    found = closed_sessions(name, now, count)
    assert len(found) == count
    assert [one.start for one in found] == sorted({one.start for one in found})
    assert found[-1].end <= now
    following = datetime.fromtimestamp(found[-1].end // NS_PER_S, UTC).date()
    assert all(
        session(name, date.fromordinal(following.toordinal() + more)).end > now for more in (1, 2)
    )


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="no session"):
        session("moon", date(2024, 1, 1))
