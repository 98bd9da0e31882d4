"""Instruments in SQLite, every version of each."""

from collections.abc import Sequence
from decimal import Decimal

from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.embedded.database import Database

_SAVE = """
    INSERT INTO instruments (venue, symbol, tick, lot, scale_version) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING"""
# SQLite takes bare columns from the row that has the maximum.
_NEWEST = "SELECT venue, symbol, tick, lot, max(scale_version) FROM instruments"
_ALL = f"{_NEWEST} GROUP BY venue, symbol ORDER BY venue, symbol"
_FIND = f"{_NEWEST} WHERE venue = ? AND symbol = ? GROUP BY venue, symbol"


class EmbeddedInstruments:
    """InstrumentRepository in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, instruments: Sequence[Instrument]) -> None:
        """Store each version that is not there yet."""
        rows = [
            (one.venue, one.symbol, str(one.scale.tick), str(one.scale.lot), one.scale_version)
            for one in instruments
        ]
        await self._database.write_rows(_SAVE, rows)

    async def find(self, venue: Venue, symbol: str) -> Instrument | None:
        """Return the newest version, or None."""
        found = await self._query(_FIND, (venue, symbol))
        return found[0] if found else None

    async def all(self) -> list[Instrument]:
        """Return the newest version of each, sorted by venue and symbol."""
        return await self._query(_ALL, ())

    async def _query(self, query: str, values: tuple[str, ...]) -> list[Instrument]:
        rows = await self._database.read(
            lambda connection: connection.execute(query, values).fetchall()
        )
        return [
            Instrument(Venue(venue), symbol, Scale(Decimal(tick), Decimal(lot)), version)
            for venue, symbol, tick, lot, version in rows
        ]
