"""Verdicts of reconciliation in SQLite, one packed row a minute."""

import sqlite3
from collections.abc import Mapping, Sequence

from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.packing import pack_reconciled, unpack_reconciled

_SAVE = """
    INSERT INTO reconciliations (venue, symbol, start, revision, verdict, body)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
    revision = excluded.revision, verdict = excluded.verdict, body = excluded.body
    WHERE excluded.revision >= revision"""
_FIND = """
    SELECT body FROM reconciliations
    WHERE venue = ? AND symbol = ? AND start >= ? AND start < ? ORDER BY start"""
_TALLY = """
    SELECT verdict, count(*) FROM reconciliations
    WHERE venue = ? AND symbol = ? AND start >= ? AND start < ? GROUP BY verdict"""
_FORGET = "DELETE FROM reconciliations WHERE venue = ? AND symbol = ? AND start < ?"


class EmbeddedReconciliations:
    """ReconciliationRepository in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, records: Sequence[Reconciled]) -> None:
        """Store each of them, unless one with a higher revision is there."""
        rows = [
            (
                one.venue,
                one.symbol,
                one.start,
                one.revision,
                one.verdict,
                pack_reconciled(one),
            )
            for one in records
        ]
        await self._database.write_rows(_SAVE, rows)

    async def find(self, venue: Venue, symbol: str, start: int, end: int) -> list[Reconciled]:
        """Return the records of minutes with start <= their start < end, ascending."""
        values = (venue, symbol, start, end)

        def work(connection: sqlite3.Connection) -> list[Reconciled]:
            return [unpack_reconciled(body) for (body,) in connection.execute(_FIND, values)]

        return await self._database.read(work)

    async def tally(self, venue: Venue, symbol: str, start: int, end: int) -> Mapping[Verdict, int]:
        """Count the minutes of a range by verdict."""
        values = (venue, symbol, start, end)

        def work(connection: sqlite3.Connection) -> Mapping[Verdict, int]:
            return {Verdict(name): count for name, count in connection.execute(_TALLY, values)}

        return await self._database.read(work)

    async def forget(self, venue: Venue, symbol: str, before: int) -> int:
        """Remove the records of minutes that start before `before`; return how many."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(_FORGET, (venue, symbol, before)).rowcount

        return await self._database.write(work)
