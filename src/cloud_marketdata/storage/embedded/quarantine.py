"""Rejected input in SQLite, in plain columns that any SQLite shell can show."""

import sqlite3
from collections.abc import Sequence

from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.bounds import QUARANTINE_SAMPLES
from cloud_marketdata.storage.embedded.database import Database

_COUNT = """
    INSERT INTO rejection_counts (venue, reason, count) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
_KEEP = """
    INSERT INTO rejections (venue, reason, detail, sample, received_at, symbol)
    VALUES (?, ?, ?, ?, ?, ?)"""
_MAKE_ROOM = "DELETE FROM rejections WHERE id <= (SELECT max(id) FROM rejections) - ?"
_COUNTS = "SELECT venue, reason, count FROM rejection_counts"
_SAMPLES = """
    SELECT venue, reason, detail, sample, received_at, symbol FROM rejections
    ORDER BY id DESC LIMIT ?"""


class EmbeddedQuarantine:
    """Quarantine in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, counts: dict[tuple[Venue, str], int], samples: Sequence[Rejection]
    ) -> None:
        """Add to the counts and keep the samples; the oldest make room."""
        added = [(*key, count) for key, count in counts.items()]
        kept = [
            (one.venue, one.reason, one.detail, one.sample, one.received_at, one.symbol)
            for one in samples[-QUARANTINE_SAMPLES:]
        ]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_COUNT, added)
            connection.executemany(_KEEP, kept)
            connection.execute(_MAKE_ROOM, (QUARANTINE_SAMPLES,))

        await self._database.write(work)

    async def counts(self) -> dict[tuple[Venue, str], int]:
        """Return all counts."""
        rows = await self._database.read(lambda connection: connection.execute(_COUNTS).fetchall())
        return {(Venue(venue), reason): count for venue, reason, count in rows}

    async def samples(self, limit: int = 100) -> list[Rejection]:
        """Return the newest samples, newest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(_SAMPLES, (limit,)).fetchall()
        )
        return [Rejection(Venue(venue), *rest) for venue, *rest in rows]
