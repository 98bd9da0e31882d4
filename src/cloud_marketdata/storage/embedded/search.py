"""Finds log entries whose times touch a range, in pages, by index alone.

Entries overlap, so a range of times is not a range of any one index. The widest entry of the
stream bounds how far outside the range the first or last time of a match can lie.
"""

import sqlite3
from typing import NamedTuple

from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.timed import Mark

_STREAM = "SELECT id, widest FROM streams WHERE venue = ? AND symbol = ? AND kind = ?"
_ASCENDING = """
    SELECT position, first, last, events FROM entries
    WHERE stream = :stream AND (first, position) > (:time, :position)
    AND first < :end AND last >= :start ORDER BY first, position LIMIT :limit"""
_DESCENDING = """
    SELECT position, first, last, events FROM entries
    WHERE stream = :stream AND (last, position) < (:time, :position)
    AND last >= :start AND first < :end ORDER BY last DESC, position DESC LIMIT :limit"""
_LARGEST = (1 << 63) - 1

Found = tuple[int, int, int, bytes]
"""Position, first and last time, and the packed events of an entry."""


class Page(NamedTuple):
    """What `TimedLog.overlapping` is asked for."""

    start: int
    end: int
    limit: int
    newest: bool
    after: Mark | None


def touching(connection: sqlite3.Connection, stream: Stream, page: Page) -> list[Found]:
    """Return the entries of a page in the order of `TimedLog.overlapping`."""
    known = connection.execute(_STREAM, stream).fetchone()
    if known is None:
        return []
    stream_id, widest = known
    outermost = page.end + widest if page.newest else page.start - widest
    time, position = page.after or (outermost, 0)
    values = {
        "stream": stream_id,
        "time": _storable(time),
        "position": position,
        "start": _storable(page.start),
        "end": _storable(page.end),
        "limit": page.limit,
    }
    return connection.execute(_DESCENDING if page.newest else _ASCENDING, values).fetchall()


def _storable(time: int) -> int:
    """Keep a bound within the integers SQLite has; no stored time lies beyond them."""
    return max(-_LARGEST, min(time, _LARGEST))
