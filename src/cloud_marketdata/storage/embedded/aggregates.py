"""Aggregates in SQLite, one packed row a bucket."""

import sqlite3
from collections.abc import Sequence

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.sheet import Changes
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.embedded import market as markets
from cloud_marketdata.storage.embedded.coverage import taking
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.embedded.market import MarketKey
from cloud_marketdata.storage.packing import pack_aggregate, unpack_aggregate

_SAVE = """
    INSERT INTO aggregates (venue, symbol, timeframe, start, position, final, body)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE ?8 > coalesce(
    (SELECT before FROM horizons WHERE venue = ?1 AND symbol = ?2 AND timeframe = ?3), 0)
    ON CONFLICT DO UPDATE SET
    position = excluded.position, final = excluded.final, body = excluded.body
    WHERE excluded.position >= position"""
_FIND = """
    SELECT body FROM aggregates
    WHERE venue = ? AND symbol = ? AND timeframe = ? AND start >= ? AND start < ? ORDER BY start"""
_CHANGED = """
    SELECT start FROM aggregates
    WHERE venue = ? AND symbol = ? AND timeframe = ? AND position > ? ORDER BY start"""
_OPEN = "SELECT body FROM aggregates WHERE venue = ? AND symbol = ? AND final = 0"
_BOUNDS = """
    SELECT (SELECT min(start) FROM aggregates WHERE venue = :v AND symbol = :s AND timeframe = :t),
    (SELECT max(start) FROM aggregates WHERE venue = :v AND symbol = :s AND timeframe = :t)"""


class EmbeddedAggregates:
    """AggregateRepository in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self, aggregates: Sequence[Aggregate], ledger: Changes | None = None, *, fence: int = 0
    ) -> None:
        """Store or replace all of them in one transaction, but never with a lower position."""
        # Packed before the first await: the caller goes on adding trades to these very objects.
        rows = [_row(aggregate) for aggregate in aggregates]
        take = taking(ledger) if ledger else None
        inside = _positions(aggregates)
        if ledger:
            inside.setdefault((ledger.venue, ledger.symbol), 0)

        def work(connection: sqlite3.Connection) -> None:
            for market, position in inside.items():
                markets.fence_off(connection, market, fence)
                markets.advance(connection, market, position)
            connection.executemany(_SAVE, rows)
            if take:
                take(connection)

        await self._database.write(work)

    async def forget(
        self, venue: Venue, symbol: str, timeframe: Timeframe, before: int, *, fence: int = 0
    ) -> int:
        """Remove final aggregates that end at or before `before`; return how many went."""

        def work(connection: sqlite3.Connection) -> int:
            markets.fence_off(connection, (venue, symbol), fence)
            return markets.forget(connection, (venue, symbol), timeframe, before)

        return await self._database.write(work)

    async def horizon(self, venue: Venue, symbol: str, timeframe: Timeframe) -> int:
        """Return the time before which aggregates were removed, or 0."""
        return await self._database.read(
            lambda connection: markets.horizon(connection, (venue, symbol), timeframe)
        )

    async def find_by_range(
        self, venue: Venue, symbol: str, timeframe: Timeframe, start: int, end: int
    ) -> list[Aggregate]:
        """Return aggregates with start <= their start < end, ascending."""
        values = (venue, symbol, timeframe, start, end)
        return await self._database.read(lambda connection: _found(connection, _FIND, values))

    async def position(self, venue: Venue, symbol: str) -> int:
        """Return the highest position that was ever inside a saved aggregate, or 0."""
        return await self._database.read(
            lambda connection: markets.position(connection, (venue, symbol))
        )

    async def changed(
        self, venue: Venue, symbol: str, timeframe: Timeframe, after: int
    ) -> list[int]:
        """Return the starts of aggregates whose position is above `after`, ascending."""
        values = (venue, symbol, timeframe, after)
        return await self._database.read(
            lambda connection: [start for (start,) in connection.execute(_CHANGED, values)]
        )

    async def highest(self) -> int:
        """Return the highest log position inside anything saved, or 0."""
        return await self._database.read(markets.highest)

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


def _positions(aggregates: Sequence[Aggregate]) -> dict[MarketKey, int]:
    """Return the highest position of each market's aggregates."""
    highest: dict[MarketKey, int] = {}
    for aggregate in aggregates:
        market = (aggregate.instrument.venue, aggregate.instrument.symbol)
        highest[market] = max(highest.get(market, 0), aggregate.position)
    return highest


def _row(aggregate: Aggregate) -> tuple[str, str, str, int, int, bool, bytes, int]:
    return (
        aggregate.instrument.venue,
        aggregate.instrument.symbol,
        aggregate.timeframe,
        aggregate.start,
        aggregate.position,
        aggregate.final,
        pack_aggregate(aggregate),
        aggregate.end,
    )


def _found(
    connection: sqlite3.Connection, query: str, values: tuple[str | int, ...]
) -> list[Aggregate]:
    return [unpack_aggregate(body) for (body,) in connection.execute(query, values)]
