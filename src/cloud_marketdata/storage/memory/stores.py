"""Makes the tiers in memory, one by one or all together."""

from obstore.store import MemoryStore

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.storage.composing import composed
from cloud_marketdata.storage.memory.aggregates import MemoryAggregates
from cloud_marketdata.storage.memory.books import MemoryBooks
from cloud_marketdata.storage.memory.cache import MemoryCache
from cloud_marketdata.storage.memory.coverage import MemoryCoverage
from cloud_marketdata.storage.memory.flow import MemoryFlow
from cloud_marketdata.storage.memory.instruments import MemoryInstruments
from cloud_marketdata.storage.memory.keys import MemoryKeys
from cloud_marketdata.storage.memory.leases import MemoryLeases
from cloud_marketdata.storage.memory.log import MemoryLog
from cloud_marketdata.storage.memory.members import MemoryMembers
from cloud_marketdata.storage.memory.quarantine import MemoryQuarantine
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.memory.reconciliations import MemoryReconciliations
from cloud_marketdata.storage.objects.archive import ObjectArchive
from cloud_marketdata.storage.objects.store import ObstoreObjects
from cloud_marketdata.storage.ports import HotPart, Stores, WarmPart
from cloud_marketdata.storage.pulse import hot_pulse, warm_pulse
from cloud_marketdata.storage.trades import LoggedTrades

_ENGINE = "memory"


def memory_hot(clock: Clock, above: int = 0) -> HotPart:
    """Return a new, empty hot tier; `clock` times waiting, leases and the cache.

    above: the log's positions begin behind it, which is for a warm tier that has seen others.
    """
    log = MemoryLog(clock, above)
    return HotPart(
        log=log,
        trades=LoggedTrades(log),
        books=MemoryBooks(),
        quarantine=MemoryQuarantine(),
        leases=MemoryLeases(clock),
        members=MemoryMembers(clock),
        cache=MemoryCache(clock),
        quotas=MemoryQuotas(clock),
    )


def memory_warm() -> WarmPart:
    """Return a new, empty warm tier."""
    coverage = MemoryCoverage()
    return WarmPart(
        aggregates=MemoryAggregates(coverage),
        coverage=coverage,
        instruments=MemoryInstruments(),
        reconciliations=MemoryReconciliations(),
        flow=MemoryFlow(),
        keys=MemoryKeys(),
    )


def memory_objects() -> ObstoreObjects:
    """Return a new, empty cold tier."""
    return ObstoreObjects(MemoryStore())


def memory_stores(clock: Clock) -> Stores:
    """Return new, empty stores of all tiers."""
    hot, warm, objects = memory_hot(clock), memory_warm(), memory_objects()
    pulses = (hot_pulse(hot, _ENGINE), warm_pulse(warm, _ENGINE))
    return composed(hot, warm, objects, ObjectArchive(objects), pulses)
