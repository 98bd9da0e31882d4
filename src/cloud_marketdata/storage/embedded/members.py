"""Members in SQLite, so that two processes on one folder know of each other."""

import sqlite3
from collections.abc import Sequence

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.embedded.database import Database

_BEAT = """
    INSERT INTO members (team, name, until) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET until = excluded.until"""
_FORGET = "DELETE FROM members WHERE team = ? AND until <= ?"
_LIVING = "SELECT name FROM members WHERE team = ? AND until > ? ORDER BY name"
_LEAVE = "DELETE FROM members WHERE team = ? AND name = ?"


class EmbeddedMembers:
    """Members in SQLite; the time is that of the process that asks, all of them on one machine."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def beat(self, group: str, name: str, seconds: float) -> Sequence[str]:
        """Say that `name` lives for `seconds` from now on; return all who live, sorted."""

        def work(connection: sqlite3.Connection) -> list[str]:
            # The time of the transaction, not of the asking: it may have waited for its turn.
            now = self._clock.now()
            connection.execute(_FORGET, (group, now))
            connection.execute(_BEAT, (group, name, now + int(seconds * NS_PER_S)))
            return [found for (found,) in connection.execute(_LIVING, (group, now))]

        return await self._database.write(work)

    async def leave(self, group: str, name: str) -> None:
        """Say that `name` is gone."""
        await self._database.write_rows(_LEAVE, [(group, name)])

    async def living(self, group: str) -> Sequence[str]:
        """Return all who live, sorted."""

        def work(connection: sqlite3.Connection) -> list[str]:
            found = connection.execute(_LIVING, (group, self._clock.now()))
            return [name for (name,) in found]

        return await self._database.read(work)
