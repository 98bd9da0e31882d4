"""API keys in SQLite; two processes on one folder see each other's changes at once.

A change is durable against a killed process. A power loss may take the changes of the last moment,
as it may everything in this tier: a revocation that was not yet on the disk is to be made again.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from cloud_marketdata.storage.embedded.database import Database
from cloud_marketdata.storage.packing import pack_key, unpack_key
from cloud_marketdata.storage.security_ports import KeyRecord

_FIND: Final = "SELECT body, used_at FROM keys WHERE id = ?"
_ALL: Final = "SELECT body, used_at FROM keys ORDER BY created_at, id"
_REVISION: Final = "SELECT revision FROM keys WHERE id = ?"
_SAVE: Final = """
    INSERT INTO keys (id, created_at, revision, used_at, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
    created_at = excluded.created_at, revision = excluded.revision,
    used_at = max(used_at, excluded.used_at), body = excluded.body"""
_TOUCH: Final = "UPDATE keys SET used_at = ? WHERE id = ? AND used_at < ?"


class EmbeddedKeys:
    """KeyRepository in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: str) -> KeyRecord | None:
        """Return the record as it stands, or None."""
        found = await self._database.read(
            lambda connection: connection.execute(_FIND, (key_id,)).fetchone()
        )
        return unpack_key(*found) if found else None

    async def all(self) -> list[KeyRecord]:
        """Return every record, sorted by creation and id."""
        rows = await self._database.read(lambda connection: connection.execute(_ALL).fetchall())
        return [unpack_key(*row) for row in rows]

    async def change(self, records: Sequence[KeyRecord]) -> bool:
        """Store each record, all or none; see the port."""
        rows = [
            (one.id, one.created_at, one.revision, one.used_at, pack_key(one)) for one in records
        ]

        def work(connection: sqlite3.Connection) -> bool:
            # Nobody else writes between the look and the change: the transaction has begun.
            if any(one.revision != _revision(connection, one.id) + 1 for one in records):
                return False
            connection.executemany(_SAVE, rows)
            return True

        return await self._database.write(work)

    async def touch(self, key_id: str, used_at: int) -> None:
        """Note a use; a time before the stored one changes nothing."""
        await self._database.write_rows(_TOUCH, [(used_at, key_id, used_at)])


def _revision(connection: sqlite3.Connection, key_id: str) -> int:
    (revision,) = connection.execute(_REVISION, (key_id,)).fetchone() or (0,)
    return int(revision)
