"""Opens the data folder: `hot.db`, `warm.db` and the folder `cold`, one by one or all together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.composing import composed
from cloud_marketdata.storage.embedded.aggregates import EmbeddedAggregates
from cloud_marketdata.storage.embedded.books import EmbeddedBooks
from cloud_marketdata.storage.embedded.coverage import EmbeddedCoverage
from cloud_marketdata.storage.embedded.database import open_database
from cloud_marketdata.storage.embedded.flow import EmbeddedFlow
from cloud_marketdata.storage.embedded.instruments import EmbeddedInstruments
from cloud_marketdata.storage.embedded.keys import EmbeddedKeys
from cloud_marketdata.storage.embedded.leases import EmbeddedLeases
from cloud_marketdata.storage.embedded.log import EmbeddedLog
from cloud_marketdata.storage.embedded.members import EmbeddedMembers
from cloud_marketdata.storage.embedded.quarantine import EmbeddedQuarantine
from cloud_marketdata.storage.embedded.reconciliations import EmbeddedReconciliations
from cloud_marketdata.storage.embedded.schema import HOT, WARM
from cloud_marketdata.storage.memory.cache import MemoryCache
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.objects.archive import ObjectArchive
from cloud_marketdata.storage.objects.store import folder_objects
from cloud_marketdata.storage.ports import HotPart, Stores, WarmPart
from cloud_marketdata.storage.pulse import hot_pulse, warm_pulse
from cloud_marketdata.storage.trades import LoggedTrades

_ENGINE = "embedded (SQLite)"


@asynccontextmanager
async def open_embedded_hot(data_dir: Path, clock: Clock, above: int) -> AsyncIterator[HotPart]:
    """Open or create the hot tier below `data_dir`; `clock` times waiting, leases and the cache.

    above: the warm tier's highest position. The query cache and the quotas are in the memory of
    this process. Leaving the context finishes the writes under way. Raises StorageError where a
    file is foreign, damaged, of a newer schema, or cannot be opened.
    """
    await asyncio.to_thread(_make, data_dir)
    async with open_database(data_dir / "hot.db", HOT) as database:
        log = EmbeddedLog(database, clock, above)
        yield HotPart(
            log=log,
            trades=LoggedTrades(log),
            books=EmbeddedBooks(database),
            quarantine=EmbeddedQuarantine(database),
            leases=EmbeddedLeases(database, clock),
            members=EmbeddedMembers(database, clock),
            cache=MemoryCache(clock),
            quotas=MemoryQuotas(clock),
        )


@asynccontextmanager
async def open_embedded_warm(data_dir: Path) -> AsyncIterator[WarmPart]:
    """Open or create the warm tier below `data_dir`; ends and fails as `open_embedded_hot`."""
    await asyncio.to_thread(_make, data_dir)
    async with open_database(data_dir / "warm.db", WARM) as database:
        yield WarmPart(
            aggregates=EmbeddedAggregates(database),
            coverage=EmbeddedCoverage(database),
            instruments=EmbeddedInstruments(database),
            reconciliations=EmbeddedReconciliations(database),
            flow=EmbeddedFlow(database),
            keys=EmbeddedKeys(database),
        )


@asynccontextmanager
async def open_embedded(data_dir: Path, clock: Clock) -> AsyncIterator[Stores]:
    """Open or create the stores of all tiers below `data_dir`; ends and fails as each of them."""
    async with open_embedded_warm(data_dir) as warm:
        above = await warm.aggregates.highest()
        async with open_embedded_hot(data_dir, clock, above) as hot:
            objects = await asyncio.to_thread(folder_objects, data_dir / "cold")
            pulses = (hot_pulse(hot, _ENGINE), warm_pulse(warm, _ENGINE))
            yield composed(hot, warm, objects, ObjectArchive(objects), pulses)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"data folder: {error}"
        raise StorageError(msg) from error
