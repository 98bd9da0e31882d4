"""Leases in SQLite, so that two processes on one folder agree on who owns what."""

import sqlite3

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

        def work(connection: sqlite3.Connection) -> int | None:
            # The time of the transaction, not of the asking: it may have waited for its turn.
            now = self._clock.now()
            kept, token, until = connection.execute(_FIND, (name,)).fetchone() or ("", 0, 0)
            if until <= now:
                token = next_token(now, token)
            elif kept != holder:
                return None
            connection.execute(_TAKE, (name, holder, token, now + int(seconds * NS_PER_S)))
            return int(token)

        return await self._database.write(work)

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if the holder has it."""
        await self._database.write_rows(_RELEASE, [(name, holder)])
