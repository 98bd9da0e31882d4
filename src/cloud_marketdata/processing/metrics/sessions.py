"""Named stretches of the day, and how they are put together. Pure dates, in UTC.

A session that passes a day's end does not exist here: crypto never closes, so a session is only a
part of the UTC day. Weeks begin on Monday, months on the calendar.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from cloud_marketdata.domain.values import NS_PER_S, Timeframe

_HOURS: Final = {"utc_day": (0, 24), "asia": (0, 8), "europe": (7, 16), "us": (13, 22)}
SESSIONS: Final = (*_HOURS, "week", "month")
DEFAULT_SESSION: Final = "utc_day"


class Session(NamedTuple):
    """One session: its name, the day it is called by, and `[start, end)` in ns."""

    name: str
    day: date
    start: int
    end: int


def session(name: str, day: date) -> Session:
    """Return the session of that name that holds a day; raises ValueError on an unknown name."""
    if name not in SESSIONS:
        msg = f"no session is named {name[:40]!r}"
        raise ValueError(msg)
    if name == "week":
        monday = day - timedelta(days=day.weekday())
        return Session(name, monday, _midnight(monday), _midnight(monday + timedelta(days=7)))
    if name == "month":
        first = day.replace(day=1)
        return Session(name, first, _midnight(first), _midnight(_next_month(first)))
    begin, end = (hour * Timeframe.H1.ns for hour in _HOURS[name])
    return Session(name, day, _midnight(day) + begin, _midnight(day) + end)


def closed_sessions(name: str, now: int, count: int) -> list[Session]:
    """Return the last `count` sessions that were over at `now` (ns), ascending."""
    one = session(name, datetime.fromtimestamp(now // NS_PER_S, UTC).date())
    found: list[Session] = []
    while len(found) < count and one.start > 0:
        if one.end <= now:
            found.append(one)
        one = session(name, one.day - timedelta(days=1))
    return found[::-1]


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NS_PER_S
