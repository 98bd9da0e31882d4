"""Both files of a data folder as they are at one instant, copied while others go on writing.

The log is written before what is made of it, and trimmed after that was saved: a pair in which the
warm file is newer would count trades twice, one in which the hot file is newer could lack some. So
both are held for as long as it takes to begin reading both, a few milliseconds, and are then copied
from what these readers see. Until the copy is made, the write-ahead logs cannot begin anew.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from cloud_marketdata.core.errors import BadRequestError, StorageError
from cloud_marketdata.storage.embedded.market import highest
from cloud_marketdata.storage.embedded.schema import HOT, WARM, Schema

HOT_NAME: Final = "hot.db"
WARM_NAME: Final = "warm.db"
_BUSY_S: Final = 10.0
_PAGES: Final = 1024
"""Pages between two looks at the file, 4 MiB."""
_NEWEST: Final = "SELECT coalesce(max(position), 0) FROM entries"


class Pair(NamedTuple):
    """Connections that read the two files as they were at one instant, and the schemas' versions.

    position: the newest of the log, or the highest that is inside the aggregates.
    """

    hot: sqlite3.Connection
    warm: sqlite3.Connection
    hot_version: int
    warm_version: int
    position: int


@contextmanager
def frozen_pair(folder: Path) -> Iterator[Pair]:
    """Hold the folder's two files as they are now; others go on writing meanwhile.

    Raises BadRequestError where there is no such store, StorageError where one cannot be read.
    """
    with ExitStack() as stack, told_of(folder):
        hot, warm = (stack.enter_context(_file(folder / name)) for name in (HOT_NAME, WARM_NAME))
        with _held(folder / HOT_NAME), _held(folder / WARM_NAME):
            for reading in (hot, warm):
                reading.execute("BEGIN")
                reading.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        versions = _version(hot, HOT, HOT_NAME), _version(warm, WARM, WARM_NAME)
        (newest,) = hot.execute(_NEWEST).fetchone()
        yield Pair(hot, warm, *versions, max(newest, highest(warm)))


def copy_database(source: sqlite3.Connection, target: Path) -> None:
    """Write what a connection sees into a new file, for our user alone, whole and checked.

    Raises StorageError where the pages do not fit together, or nothing can be written.
    """
    with told_of(target):
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            # Whoever copies sees to the disk once the file is whole.
            copy.execute("PRAGMA synchronous = OFF")
            source.backup(copy, pages=_PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        msg = f"{target.name} is damaged where it lies: {found}"
        raise StorageError(msg)


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Have what SQLite refuses in the block be a StorageError that names the path."""
    try:
        yield
    except sqlite3.Error as error:
        msg = f"{path.name}: {error}"
        raise StorageError(msg) from error


@contextmanager
def _file(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        msg = f"there is no embedded store in {path.parent}: {path.name} is missing"
        raise BadRequestError(msg)
    # Without the mode a file that goes meanwhile would be made anew.
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    with closing(connection):
        yield connection


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep everybody from writing to the file in the block."""
    with _file(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection, schema: Schema, name: str) -> int:
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found != schema.application_id:
        msg = f"{name} belongs to another use (application id {found:#x})"
        raise BadRequestError(msg)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
