"""One SQLite file: a thread that writes, a few connections that read, and no wait on the loop.

WAL lets readers go on while the writer commits, also from other processes. synchronous=NORMAL
survives a killed process completely; a power loss may take the last commits, never the file.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.storage.embedded.schema import Schema, prepare
from cloud_marketdata.storage.embedded.writer import Writer

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_READERS = 3
_BUSY_S = 10.0
_WAL_BYTES = 64 * 1024 * 1024


class Database:
    """Runs work on the file; every sqlite3.Error becomes a StorageError that names the file."""

    def __init__(self, path: Path, writer: sqlite3.Connection) -> None:
        self._path = path
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(_READERS):
            self._readers.put(_connect(path, "PRAGMA query_only = ON"))
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix=f"read-{path.name}")
        self._writer = Writer(writer, f"write-{path.name}")

    async def write(self, work: Work[T]) -> T:
        """Run work in a transaction, alone or not at all; return once it is committed."""
        with _translated(self._path):
            return await asyncio.wrap_future(self._writer.submit(work))

    async def write_rows(
        self, statement: str, rows: Sequence[tuple[str | int | bytes, ...]]
    ) -> None:
        """Run one statement for each row, all or none; return once they are committed."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(statement, rows)

        await self.write(work)

    async def read(self, work: Work[T]) -> T:
        """Run work on a connection that cannot write."""
        with _translated(self._path):
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._lend, work)

    def close(self) -> None:
        """Finish what is under way and close all connections; blocks until then."""
        self._writer.close()
        self._pool.shutdown()
        for _ in range(_READERS):
            self._readers.get().close()

    def _lend(self, work: Work[T]) -> T:
        # As many connections as threads, so this never waits.
        connection = self._readers.get()
        try:
            return work(connection)
        finally:
            self._readers.put(connection)


@asynccontextmanager
async def open_database(path: Path, schema: Schema) -> AsyncIterator[Database]:
    """Open or create a file of this schema; raises StorageError where that cannot be done."""
    database = await asyncio.to_thread(_open, path, schema)
    try:
        yield database
    finally:
        await asyncio.to_thread(database.close)


def _open(path: Path, schema: Schema) -> Database:
    with _translated(path):
        writer = _connect(path)
        try:
            prepare(writer, schema)
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("PRAGMA synchronous = NORMAL")
            # Public data needs no wiping, which would make a trim rewrite all that it frees.
            writer.execute("PRAGMA secure_delete = OFF")
            writer.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
            return Database(path, writer)
        except BaseException:
            writer.close()
            raise


def _connect(path: Path, *pragmas: str) -> sqlite3.Connection:
    # Transactions are written out by hand, and each connection is used by one thread at a time.
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    for pragma in pragmas:
        connection.execute(pragma)
    return connection


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FencedError:
        raise
    except (sqlite3.Error, StorageError) as error:
        msg = f"{path.name}: {error}"
        raise StorageError(msg) from error
