"""Aggregates in SQLite, one packed row a bucket."""

import sqlite3
from collections.abc import Sequence

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.sheet import Changes
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.embedded.coverage import taking
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.packing import pack_aggregate, unpack_aggregate

_SAVE = """
    INSERT INTO aggregates (venue, symbol, timeframe, start, position, final, body)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
    position = excluded.position, final = excluded.final, body = excluded.body
    WHERE excluded.position >= position"""
_FIND = """
    SELECT body FROM aggregates
    WHERE venue = ? AND symbol = ? AND timeframe = ? AND start >= ? AND start < ? ORDER BY start"""
_OPEN = "SELECT body FROM aggregates WHERE venue = ? AND symbol = ? AND final = 0"
_POSITION = "SELECT max(position) FROM aggregates WHERE venue = ? AND symbol = ?"
_BOUNDS = """
    SELECT (SELECT min(start) FROM aggregates WHERE venue = :v AND symbol = :s AND timeframe = :t),
    (SELECT max(start) FROM aggregates WHERE venue = :v AND symbol = :s AND timeframe = :t)"""


class EmbeddedAggregates:
    """AggregateRepository in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, aggregates: Sequence[Aggregate], ledger: Changes | None = None) -> None:
        """Store or replace all of them in one transaction, but never with a lower position."""
        # Packed before the first await: the caller goes on adding trades to these very objects.
        rows = [_row(aggregate) for aggregate in aggregates]
        take = taking(ledger) if ledger else None

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_SAVE, rows)
            if take:
                take(connection)

        await self._database.write(work)

    async def find_by_range(
        self, venue: Venue, symbol: str, timeframe: Timeframe, start: int, end: int
    ) -> list[Aggregate]:
        """Return aggregates with start <= their start < end, ascending."""
        values = (venue, symbol, timeframe, start, end)
        return await self._database.read(lambda connection: _found(connection, _FIND, values))

    async def position(self, venue: Venue, symbol: str) -> int:
        """Return the highest position inside any saved aggregate, or 0."""
        row = await self._database.read(
            lambda connection: connection.execute(_POSITION, (venue, symbol)).fetchone()
        )
        return row[0] or 0

    async def open(self, venue: Venue, symbol: str) -> list[Aggregate]:
        """Return what is not final, ascending by timeframe length and start."""
        found = await self._database.read(
            lambda connection: _found(connection, _OPEN, (venue, symbol))
        )
        return sorted(found, key=lambda aggregate: (aggregate.timeframe.ns, aggregate.start))

    async def bounds(
        self, venue: Venue, symbol: str, timeframe: Timeframe
    ) -> tuple[int, int] | None:
        """Return the start of the oldest and of the newest bucket, or None."""
        values = {"v": venue, "s": symbol, "t": timeframe}
        oldest, newest = await self._database.read(
            lambda connection: connection.execute(_BOUNDS, values).fetchone()
        )
        return None if oldest is None else (oldest, newest)


def _row(aggregate: Aggregate) -> tuple[str, str, str, int, int, bool, bytes]:
    return (
        aggregate.instrument.venue,
        aggregate.instrument.symbol,
        aggregate.timeframe,
        aggregate.start,
        aggregate.position,
        aggregate.final,
        pack_aggregate(aggregate),
    )


def _found(
    connection: sqlite3.Connection, query: str, values: tuple[str | int, ...]
) -> list[Aggregate]:
    return [unpack_aggregate(body) for (body,) in connection.execute(query, values)]
