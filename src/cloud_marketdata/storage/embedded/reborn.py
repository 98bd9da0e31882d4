"""Makes copied files a store of their own, which goes another way than the one they came from.

Its log continues at positions that the other log has given to other trades, so it gets a new name:
who held a place in the old one is told that it is none here. Nobody holds a lease or is a member;
fencing tokens stay, because they may never go back below the fences. A book dies with its
connection, so none is left.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from cloud_marketdata.storage.embedded.schema import HOT, WARM, Schema, prepare
from cloud_marketdata.storage.embedded.snapshot import HOT_NAME, WARM_NAME, told_of

_NEW_LIFE: Final = (
    "UPDATE identity SET epoch = lower(hex(randomblob(8)))",
    "UPDATE leases SET until = 0",
    "DELETE FROM members",
    "DELETE FROM books",
)


def begin_anew(folder: Path) -> None:
    """Bring both files to today's schema and begin a new life; raises StorageError."""
    _change(folder / HOT_NAME, HOT, _NEW_LIFE)
    _change(folder / WARM_NAME, WARM, ())


def _change(path: Path, schema: Schema, statements: tuple[str, ...]) -> None:
    with told_of(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection, schema)
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
