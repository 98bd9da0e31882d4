"""Leases in SQLite, so that two processes on one folder agree on who owns what."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.tokens import next_token

_FIND = "SELECT holder, token, until FROM leases WHERE name = ?"
_TAKE = """
    INSERT INTO leases (name, holder, token, until) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
    holder = excluded.holder, token = excluded.token, until = excluded.until"""
_RELEASE = "UPDATE leases SET until = 0 WHERE name = ? AND holder = ?"


class EmbeddedLeases:
    """Leases in SQLite; the row of a name stays after its release, so that tokens grow.

    The time is that of the process that asks, and all of them are on one machine.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or keep the lease for `seconds` from now on; None where another holder has it."""
        (token,) = await self._take_each([name], holder, seconds, again=False)
        return token

    async def acquire_each(
        self, names: Sequence[str], holder: str, seconds: float
    ) -> list[int | None]:
        """Take or keep many leases; who was the last to have one keeps its token."""
        return await self._take_each(names, holder, seconds, again=True)

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if the holder has it."""
        await self._database.write_rows(_RELEASE, [(name, holder)])

    async def _take_each(
        self, names: Sequence[str], holder: str, seconds: float, *, again: bool
    ) -> list[int | None]:
        def work(connection: sqlite3.Connection) -> list[int | None]:
            # The time of the transaction, not of the asking: it may have waited for its turn.
            now = self._clock.now()
            until = now + int(seconds * NS_PER_S)
            asked = _Asked(holder, now, until, again)
            return [_taken(connection, name, asked) for name in names]

        return await self._database.write(work)


class _Asked(NamedTuple):
    holder: str
    now: int
    until: int
    again: bool


def _taken(connection: sqlite3.Connection, name: str, asked: _Asked) -> int | None:
    kept, token, until = connection.execute(_FIND, (name,)).fetchone() or ("", 0, 0)
    running, ours = until > asked.now, kept == asked.holder and until > 0
    if running and not ours:
        return None
    if not ours or not (running or asked.again):
        token = next_token(asked.now, token)
    connection.execute(_TAKE, (name, asked.holder, token, asked.until))
    return int(token)
