"""Every port in memory: complete, simple, and the reference the other backends are held to.

Nothing survives the process, and nothing is shared with another one.
"""

from obstore.store import MemoryStore

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.storage.memory.aggregates import MemoryAggregates
from cloud_marketdata.storage.memory.books import MemoryBooks
from cloud_marketdata.storage.memory.coverage import MemoryCoverage
from cloud_marketdata.storage.memory.instruments import MemoryInstruments
from cloud_marketdata.storage.memory.log import MemoryLog
from cloud_marketdata.storage.memory.quarantine import MemoryQuarantine
from cloud_marketdata.storage.objects.store import ObstoreObjects
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.trades import LoggedTrades


def memory_stores(clock: Clock) -> Stores:
    """Return new, empty stores; `clock` times the waiting for appends."""
    log = MemoryLog(clock)
    coverage = MemoryCoverage()
    return Stores(
        log=log,
        trades=LoggedTrades(log),
        aggregates=MemoryAggregates(coverage),
        coverage=coverage,
        books=MemoryBooks(),
        instruments=MemoryInstruments(),
        quarantine=MemoryQuarantine(),
        objects=ObstoreObjects(MemoryStore()),
    )
