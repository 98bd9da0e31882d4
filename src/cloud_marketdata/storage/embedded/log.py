"""The event log in SQLite: one row an entry, one packed block a row.

Positions are row ids and grow over all streams together; the newest row of a stream is never
trimmed, so they never start again. Other processes' appends are noticed when a `wait` runs out.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.embedded.search import Page, touching
from cloud_marketdata.storage.packing import pack_events, unpack_events
from cloud_marketdata.storage.ports import Batch, Record, Stream, StreamKind
from cloud_marketdata.storage.reading import PlainReader
from cloud_marketdata.storage.timed import Mark, TimedRecord, stamped
from cloud_marketdata.storage.wakeup import Wakeup

_SAVE_STREAM = """
    INSERT INTO streams (venue, symbol, kind, widest) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET widest = max(widest, excluded.widest) RETURNING id"""
_SAVE_ENTRY = """
    INSERT INTO entries (position, stream, first, last, received, events)
    VALUES (1 + max(?, coalesce((SELECT max(position) FROM entries), 0)), ?, ?, ?, ?, ?)"""
_STREAM = "(SELECT id FROM streams WHERE venue = ? AND symbol = ? AND kind = ?)"
_READ = f"""
    SELECT position, events FROM entries WHERE stream = {_STREAM} AND position > ?
    ORDER BY position LIMIT ?"""  # noqa: S608  # only constants of this file are put together
_LAST = f"""
    SELECT position, events FROM entries WHERE stream = {_STREAM}
    ORDER BY position DESC LIMIT 1"""  # noqa: S608  # as above
_TRIM = f"""
    DELETE FROM entries WHERE stream = {_STREAM} AND received < ? AND position <= ?
    AND position < (SELECT max(position) FROM entries WHERE stream = {_STREAM})
    AND position <> (SELECT position FROM entries WHERE stream = {_STREAM}
    ORDER BY last DESC, position DESC LIMIT 1)"""  # noqa: S608

_DEAF_S: Final = 0.25
"""For how long what another process appends may go unnoticed."""


class _Row(NamedTuple):
    stream: Stream
    first: int
    last: int
    received: int
    events: bytes


class EmbeddedLog:
    """TimedLog in SQLite.

    above: positions begin behind it. A power cut may take commits that aggregates already include;
    new entries at those positions would be taken for old ones.
    """

    def __init__(self, database: Database, clock: Clock, above: int = 0) -> None:
        self._database = database
        self._above = above
        self._wakeup = Wakeup(clock)

    async def append(self, batches: Sequence[Batch]) -> list[int]:
        """Commit the batches in one transaction and return their positions."""
        rows = [_Row(batch.stream, *stamped(batch), pack_events(batch.events)) for batch in batches]
        positions = await self._database.write(
            lambda connection: _append(connection, rows, self._above)
        )
        self._wakeup.notify({batch.stream[:2] for batch in batches})
        return positions

    async def fence(self, venue: Venue, symbol: str, token: int) -> int:
        """Do nothing: a lock of the kernel's lets one process collect into a folder."""
        del venue, symbol, token
        return 0

    async def read(self, stream: Stream, *, after: int = 0, limit: int = 100) -> list[Record]:
        """Return at most `limit` entries above `after`, in order."""
        self._wakeup.look()
        return await self._records(_READ, (*stream, after, limit))

    async def reader(self, stream: Stream, *, after: int) -> PlainReader:
        """Return a reader that begins behind the position `after`."""
        return PlainReader(self, stream, after)

    async def epoch(self) -> str:
        """Return what this log is called, by its file."""
        return await self._database.read(_epoch)

    async def last(self, stream: Stream) -> Record | None:
        """Return the newest entry, or None."""
        records = await self._records(_LAST, stream)
        return records[0] if records else None

    async def streams(self) -> list[Stream]:
        """Return the streams that hold an entry, sorted."""
        # A stream is recorded with its first entry and keeps its newest.
        query = "SELECT venue, symbol, kind FROM streams ORDER BY venue, symbol, kind"
        rows = await self._database.read(lambda connection: connection.execute(query).fetchall())
        return [Stream(Venue(venue), symbol, StreamKind(kind)) for venue, symbol, kind in rows]

    async def wait(self, venue: Venue, symbol: str, seconds: float) -> None:
        """Return when something may have been appended to it, at the latest after `seconds`."""
        await self._wakeup.wait((venue, symbol), min(seconds, _DEAF_S))

    async def trim(self, stream: Stream, *, upto: int, before: int) -> int:
        """Remove entries that are both consumed and old; the two that end the stream stay."""
        values = (*stream, before, upto, *stream, *stream)
        return await self._database.write(
            lambda connection: connection.execute(_TRIM, values).rowcount
        )

    async def overlapping(
        self,
        stream: Stream,
        start: int,
        end: int,
        *,
        limit: int,
        newest: bool = False,
        after: Mark | None = None,
    ) -> list[TimedRecord]:
        """Return a page of the entries whose times touch the range, ordered by time."""
        page = Page(start, end, limit, newest, after)
        return await self._database.read(
            lambda connection: [
                TimedRecord(position, first, last, unpack_events(events))
                for position, first, last, events in touching(connection, stream, page)
            ]
        )

    async def _records(self, query: str, values: tuple[str | int, ...]) -> list[Record]:
        return await self._database.read(
            lambda connection: [
                Record(position, unpack_events(events))
                for position, events in connection.execute(query, values)
            ]
        )


def _epoch(connection: sqlite3.Connection) -> str:
    (epoch,) = connection.execute("SELECT epoch FROM identity").fetchone()
    return str(epoch)


def _append(connection: sqlite3.Connection, rows: Sequence[_Row], above: int) -> list[int]:
    positions = []
    for stream, first, last, received, events in rows:
        saved = connection.execute(_SAVE_STREAM, (*stream, last - first))
        ((stream_id,),) = saved.fetchall()
        entry = connection.execute(_SAVE_ENTRY, (above, stream_id, first, last, received, events))
        positions.append(entry.lastrowid or 0)
    return positions
