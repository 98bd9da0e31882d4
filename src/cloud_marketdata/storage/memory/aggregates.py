"""Aggregates in memory, kept as packed bytes: what is stored cannot be changed from outside."""

from collections.abc import Sequence

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.sheet import Changes
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.memory.coverage import MemoryCoverage
from cloud_marketdata.storage.packing import pack_aggregate, unpack_aggregate

_Market = tuple[Venue, str]
_Bucket = tuple[Timeframe, int]


class MemoryAggregates:
    """AggregateRepository in memory."""

    def __init__(self, coverage: MemoryCoverage) -> None:
        self._coverage = coverage
        self._markets: dict[_Market, dict[_Bucket, bytes]] = {}
        self._open: dict[_Market, set[_Bucket]] = {}
        self._positions: dict[tuple[_Market, _Bucket], int] = {}

    async def save(self, aggregates: Sequence[Aggregate], ledger: Changes | None = None) -> None:
        """Store or replace all of them, but never with a lower position."""
        packed = [(aggregate, pack_aggregate(aggregate)) for aggregate in aggregates]
        for aggregate, data in packed:
            market = (aggregate.instrument.venue, aggregate.instrument.symbol)
            bucket = (aggregate.timeframe, aggregate.start)
            if aggregate.position < self._positions.get((market, bucket), aggregate.position):
                continue
            self._positions[market, bucket] = aggregate.position
            self._markets.setdefault(market, {})[bucket] = data
            opened = self._open.setdefault(market, set())
            opened.discard(bucket) if aggregate.final else opened.add(bucket)
        if ledger is not None:
            self._coverage.take(ledger)

    async def find_by_range(
        self, venue: Venue, symbol: str, timeframe: Timeframe, start: int, end: int
    ) -> list[Aggregate]:
        """Return aggregates with start <= their start < end, ascending."""
        kept = self._markets.get((venue, symbol), {})
        found = sorted(b for b in kept if b[0] is timeframe and start <= b[1] < end)
        return [unpack_aggregate(kept[bucket]) for bucket in found]

    async def position(self, venue: Venue, symbol: str) -> int:
        """Return the highest position inside any saved aggregate, or 0."""
        mine = (venue, symbol)
        found = (at for (market, _), at in self._positions.items() if market == mine)
        return max(found, default=0)

    async def open(self, venue: Venue, symbol: str) -> list[Aggregate]:
        """Return what is not final, ascending by timeframe length and start."""
        kept = self._markets.get((venue, symbol), {})
        buckets = sorted(
            self._open.get((venue, symbol), ()), key=lambda bucket: (bucket[0].ns, bucket[1])
        )
        return [unpack_aggregate(kept[bucket]) for bucket in buckets]

    async def bounds(
        self, venue: Venue, symbol: str, timeframe: Timeframe
    ) -> tuple[int, int] | None:
        """Return the start of the oldest and of the newest bucket, or None."""
        kept = self._markets.get((venue, symbol), {})
        starts = [start for of, start in kept if of is timeframe]
        return (min(starts), max(starts)) if starts else None
