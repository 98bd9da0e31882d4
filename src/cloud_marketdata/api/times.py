"""Times as people and programs write them, read into whole milliseconds since the epoch.

A time is an integer count of epoch milliseconds or ISO-8601 with an offset. A time without an
offset is refused, because nobody can say which hour it names; so are years before 1970 and after
2099, which are slips of the unit. Ranges are half-open and never empty.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cloud_marketdata.core.errors import BadTimeError, LimitError
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Timeframe

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME: Final = (datetime(2100, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(seconds=1) * NS_PER_S
DEFAULT_LENGTH: Final = 3600 * NS_PER_S
_MS: Final = re.compile(r"\d{1,15}", re.ASCII)

TimeText = str | int | None
"""Epoch milliseconds or ISO-8601 with offset, or nothing."""


class TimeRange(NamedTuple):
    """Nanoseconds, `start` inside and `end` outside."""

    start: int
    end: int

    def widened(self, frame: Timeframe) -> "TimeRange":
        """Return the smallest range of whole buckets that holds this one."""
        return TimeRange(frame.floor(self.start), ceiling(self.end, frame))

    def narrowed(self, frame: Timeframe) -> "TimeRange":
        """Return the whole buckets inside; `end` may lie before `start` where there are none."""
        return TimeRange(ceiling(self.start, frame), frame.floor(self.end))

    def holds(self, time: int) -> bool:
        """Whether the instant lies inside."""
        return self.start <= time < self.end


def ceiling(time: int, frame: Timeframe) -> int:
    """Return the first bucket start at or after `time`."""
    return -frame.floor(-time)


def parse_time(given: str | int, name: str) -> int:
    """Return nanoseconds, cut to whole milliseconds; raises BadTimeError naming the parameter."""
    text = str(given)
    time = int(text) * NS_PER_MS if _MS.fullmatch(text) else _from_iso(text, name)
    if not 0 <= time < END_OF_TIME:
        msg = f"{name} lies outside the years 1970 to 2099: {text[:40]!r}"
        raise BadTimeError(msg)
    return time


def asked_range(
    start: TimeText, end: TimeText, now: int, *, longest: timedelta | None = None
) -> TimeRange:
    """Return the range that was asked for; without times it is the last hour.

    Raises BadTimeError on a bad time or an empty range, LimitError on one longer than `longest`.
    """
    last = parse_time(end, "end") if end is not None else now
    first = parse_time(start, "start") if start is not None else max(0, last - DEFAULT_LENGTH)
    if first >= last:
        msg = f"start {iso(first)} is not before end {iso(last)}"
        raise BadTimeError(msg)
    if longest is not None and last - first > longest // timedelta(microseconds=1) * 1000:
        msg = f"the range is longer than {longest.days} days; ask for parts of it"
        raise LimitError(msg)
    return TimeRange(first, last)


def iso(time: int) -> str:
    """Write nanoseconds as ISO-8601 in UTC with milliseconds."""
    moment = EPOCH + timedelta(milliseconds=time // NS_PER_MS)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time // NS_PER_MS % 1000:03d}Z"


def _from_iso(text: str, name: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = (
            f"{name} is neither epoch milliseconds nor ISO-8601 with an offset such as "
            f"2024-08-08T23:55:00Z (in a URL a plus is written %2B): {text[:40]!r}"
        )
        raise BadTimeError(msg)
    return (moment - EPOCH) // timedelta(milliseconds=1) * NS_PER_MS
