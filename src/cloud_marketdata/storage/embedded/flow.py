"""Flow minutes and signals in SQLite, one packed row each, saved with the checkpoint of the maker.

A row is replaced by one of the same or a higher revision only. The fence is in the subject's row,
which every save touches first: so a saver with a lower token stores nothing.
"""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Signal, SignalKind, Subject
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.flow_ports import FlowChanges, Watched
from cloud_marketdata.storage.packing.flow import (
    pack_minute,
    pack_signal,
    unpack_minute,
    unpack_signal,
)

_FENCE: Final = """
    INSERT INTO flow_subjects (scope, symbol, fence, known) VALUES (?, ?, ?, 0)
    ON CONFLICT DO UPDATE SET fence = excluded.fence WHERE excluded.fence >= fence"""
_CHECKPOINT: Final = """
    UPDATE flow_subjects SET known = 1, checkpoint = ?3,
    began = min(coalesce(began, ?4), coalesce(?4, began)) WHERE scope = ?1 AND symbol = ?2"""
_KNOWN: Final = """
    INSERT INTO flow_subjects (scope, symbol, fence, known) VALUES (?, ?, 0, 1)
    ON CONFLICT DO UPDATE SET known = 1"""
_MINUTE: Final = """
    INSERT INTO flow_minutes (scope, symbol, start, revision, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET revision = excluded.revision, body = excluded.body
    WHERE excluded.revision >= revision"""
_SIGNAL: Final = """
    INSERT INTO signals (scope, symbol, id, kind, detected, revision, body)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET kind = excluded.kind,
    detected = excluded.detected, revision = excluded.revision, body = excluded.body
    WHERE excluded.revision >= revision"""
_RESUME: Final = "SELECT checkpoint FROM flow_subjects WHERE scope = ? AND symbol = ?"
_MINUTES: Final = """
    SELECT body FROM flow_minutes
    WHERE scope = ? AND symbol = ? AND start >= ? AND start < ? ORDER BY start"""
_SIGNALS: Final = """
    SELECT body FROM signals
    WHERE scope = ? AND symbol = ? AND (detected, id) > (?, ?) AND detected < ?{kinds}
    ORDER BY detected, id LIMIT ?"""
_WATCHED: Final = """
    SELECT began, (SELECT min(start) FROM flow_minutes WHERE scope = ?1 AND symbol = ?2),
    (SELECT count(*) FROM flow_minutes
    WHERE scope = ?1 AND symbol = ?2 AND start >= ?3 AND start < ?4),
    (SELECT body FROM flow_minutes WHERE scope = ?1 AND symbol = ?2 ORDER BY start DESC LIMIT 1)
    FROM flow_subjects WHERE scope = ?1 AND symbol = ?2 AND began IS NOT NULL"""
_FORGET: Final = (
    "DELETE FROM flow_minutes WHERE scope = ? AND symbol = ? AND start < ?",
    "DELETE FROM signals WHERE scope = ? AND symbol = ? AND detected < ?",
)
_SUBJECTS: Final = """
    SELECT scope, symbol FROM flow_subjects WHERE known = 1 ORDER BY scope, symbol"""


class EmbeddedFlow:
    """FlowRepository in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, subject: Subject, changes: FlowChanges, *, fence: int = 0) -> None:
        """Store all or none, but nothing of a lower revision or under a lower fence."""
        began = min((minute.start for minute in changes.minutes), default=None)
        minutes = [
            (*subject, minute.start, minute.revision, pack_minute(minute))
            for minute in changes.minutes
        ]
        signals = [_row(subject, signal) for signal in changes.signals]

        def work(connection: sqlite3.Connection) -> None:
            _fence_off(connection, subject, fence)
            connection.execute(_CHECKPOINT, (*subject, changes.checkpoint, began))
            connection.executemany(_MINUTE, minutes)
            connection.executemany(_SIGNAL, signals)

        await self._database.write(work)

    async def tell(self, subject: Subject, signals: Sequence[Signal]) -> None:
        """Store signals without a token, but none of a lower revision."""
        rows = [_row(subject, signal) for signal in signals]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_KNOWN, subject)
            connection.executemany(_SIGNAL, rows)

        await self._database.write(work)

    async def claim(self, subject: Subject, *, fence: int) -> bytes | None:
        """Show a fence and return the checkpoint, if any."""

        def work(connection: sqlite3.Connection) -> bytes | None:
            _fence_off(connection, subject, fence)
            (checkpoint,) = connection.execute(_RESUME, subject).fetchone()
            return None if checkpoint is None else bytes(checkpoint)

        return await self._database.write(work)

    async def minutes(self, subject: Subject, start: int, end: int) -> list[FlowMinute]:
        """Return minutes with start <= their start < end, ascending."""

        def work(connection: sqlite3.Connection) -> list[FlowMinute]:
            rows = connection.execute(_MINUTES, (*subject, start, end))
            return [unpack_minute(body) for (body,) in rows]

        return await self._database.read(work)

    async def signals(
        self,
        subject: Subject,
        start: int,
        end: int,
        *,
        after: str = "",
        kinds: Collection[SignalKind] = (),
        limit: int = 1000,
    ) -> list[Signal]:
        """Return signals with start <= their `detected` < end, by (detected, id)."""
        marks = ", ".join("?" * len(kinds))
        query = _SIGNALS.format(kinds=f" AND kind IN ({marks})" if kinds else "")
        values = (*subject, start, after, end, *kinds, limit)

        def work(connection: sqlite3.Connection) -> list[Signal]:
            return [unpack_signal(body) for (body,) in connection.execute(query, values)]

        return await self._database.read(work)

    async def watched(self, subject: Subject, start: int, end: int) -> Watched | None:
        """Return what its maker has looked at, or None before the first minute was saved."""

        def work(connection: sqlite3.Connection) -> Watched | None:
            row = connection.execute(_WATCHED, (*subject, start, end)).fetchone()
            if row is None:
                return None
            began, oldest, inside, body = row
            return Watched(began, oldest, inside, None if body is None else unpack_minute(body))

        return await self._database.read(work)

    async def forget(self, subject: Subject, *, minutes: int, signals: int) -> int:
        """Remove minutes that start, and signals detected, before these times."""

        def work(connection: sqlite3.Connection) -> int:
            due = zip(_FORGET, (minutes, signals), strict=True)
            return sum(connection.execute(query, (*subject, at)).rowcount for query, at in due)

        return await self._database.write(work)

    async def subjects(self) -> list[Subject]:
        """Return the subjects that anything was saved or told of, sorted."""
        return await self._database.read(
            lambda connection: [Subject(*row) for row in connection.execute(_SUBJECTS)]
        )


def _fence_off(connection: sqlite3.Connection, subject: Subject, fence: int) -> None:
    """Keep everybody with a lower token out from now on; raises FencedError at a higher one."""
    if not connection.execute(_FENCE, (*subject, fence)).rowcount:
        msg = f"{subject.scope} {subject.symbol} has seen a fencing token above {fence}"
        raise FencedError(msg)


def _row(subject: Subject, signal: Signal) -> tuple[str | int | bytes, ...]:
    kept = (signal.id, signal.kind, signal.detected, signal.revision, pack_signal(signal))
    return (*subject, *kept)
