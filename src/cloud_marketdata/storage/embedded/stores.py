"""Opens the data folder: `hot.db`, `warm.db` and the folder `cold`."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.embedded.aggregates import EmbeddedAggregates
from cloud_marketdata.storage.embedded.books import EmbeddedBooks
from cloud_marketdata.storage.embedded.coverage import EmbeddedCoverage
from cloud_marketdata.storage.embedded.database import open_database
from cloud_marketdata.storage.embedded.instruments import EmbeddedInstruments
from cloud_marketdata.storage.embedded.log import EmbeddedLog
from cloud_marketdata.storage.embedded.quarantine import EmbeddedQuarantine
from cloud_marketdata.storage.embedded.schema import HOT, WARM
from cloud_marketdata.storage.objects.store import folder_objects
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.trades import LoggedTrades


@asynccontextmanager
async def open_embedded(data_dir: Path, clock: Clock) -> AsyncIterator[Stores]:
    """Open or create the stores below `data_dir`; `clock` times the waiting for appends.

    Leaving the context finishes the writes under way and closes every file. Raises StorageError
    where a file is foreign, damaged, of a newer schema, or cannot be opened.
    """
    await asyncio.to_thread(_make, data_dir)
    async with AsyncExitStack() as stack:
        hot = await stack.enter_async_context(open_database(data_dir / "hot.db", HOT))
        warm = await stack.enter_async_context(open_database(data_dir / "warm.db", WARM))
        objects = await asyncio.to_thread(folder_objects, data_dir / "cold")
        log = EmbeddedLog(hot, clock, await warm.read(_included))
        yield Stores(
            log=log,
            trades=LoggedTrades(log),
            aggregates=EmbeddedAggregates(warm),
            coverage=EmbeddedCoverage(warm),
            books=EmbeddedBooks(hot),
            instruments=EmbeddedInstruments(warm),
            quarantine=EmbeddedQuarantine(hot),
            objects=objects,
        )


def _included(connection: sqlite3.Connection) -> int:
    """Return the highest log position that is inside anything."""
    (position,) = connection.execute(
        """SELECT max(coalesce((SELECT max(position) FROM aggregates), 0),
        coalesce((SELECT max(trades) FROM coverage_marks), 0),
        coalesce((SELECT max(status) FROM coverage_marks), 0))"""
    ).fetchone()
    return int(position)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"data folder: {error}"
        raise StorageError(msg) from error
