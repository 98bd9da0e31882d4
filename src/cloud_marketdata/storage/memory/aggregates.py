"""Aggregates in memory, kept as packed bytes: what is stored cannot be changed from outside."""

from collections import defaultdict
from collections.abc import Sequence

from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.sheet import Changes
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.memory.coverage import MemoryCoverage
from cloud_marketdata.storage.memory.market import Bucket, Market
from cloud_marketdata.storage.packing import pack_aggregate, unpack_aggregate


class MemoryAggregates:
    """AggregateRepository in memory."""

    def __init__(self, coverage: MemoryCoverage) -> None:
        self._coverage = coverage
        self._markets: defaultdict[tuple[Venue, str], Market] = defaultdict(Market)

    async def save(
        self, aggregates: Sequence[Aggregate], ledger: Changes | None = None, *, fence: int = 0
    ) -> None:
        """Store or replace all of them, but never with a lower position or a lower fence."""
        packed = [(aggregate, pack_aggregate(aggregate)) for aggregate in aggregates]
        self._pass({(a.instrument.venue, a.instrument.symbol) for a in aggregates}, fence)
        if ledger is not None:
            self._pass({(ledger.venue, ledger.symbol)}, fence)
        for aggregate, body in packed:
            instrument = aggregate.instrument
            market = self._markets[instrument.venue, instrument.symbol]
            market.take(aggregate, body)
            market.fence = fence
        if ledger is not None:
            self._coverage.take(ledger)
            self._markets[ledger.venue, ledger.symbol].fence = fence

    async def forget(
        self, venue: Venue, symbol: str, timeframe: Timeframe, before: int, *, fence: int = 0
    ) -> int:
        """Remove final aggregates that end at or before `before`; return how many went."""
        self._pass({(venue, symbol)}, fence)
        market = self._markets[venue, symbol]
        market.fence = fence
        return market.forget(timeframe, before)

    async def horizon(self, venue: Venue, symbol: str, timeframe: Timeframe) -> int:
        """Return the time before which aggregates were removed, or 0."""
        return self._market(venue, symbol).horizons.get(timeframe, 0)

    async def find_by_range(
        self, venue: Venue, symbol: str, timeframe: Timeframe, start: int, end: int
    ) -> list[Aggregate]:
        """Return aggregates with start <= their start < end, ascending."""
        market = self._market(venue, symbol)
        found = sorted(at for at in market.starts(timeframe) if start <= at < end)
        return [unpack_aggregate(market.bodies[timeframe, at]) for at in found]

    async def position(self, venue: Venue, symbol: str) -> int:
        """Return the highest position that was ever inside a saved aggregate, or 0."""
        return self._market(venue, symbol).position

    async def changed(
        self, venue: Venue, symbol: str, timeframe: Timeframe, after: int
    ) -> list[int]:
        """Return the starts of aggregates whose position is above `after`, ascending."""
        return self._market(venue, symbol).changed(timeframe, after)

    async def highest(self) -> int:
        """Return the highest log position inside anything saved, or 0."""
        inside = [market.position for market in self._markets.values()]
        return max([*inside, self._coverage.highest()])

    async def open(self, venue: Venue, symbol: str) -> list[Aggregate]:
        """Return what is not final, ascending by timeframe length and start."""
        market = self._market(venue, symbol)
        return [unpack_aggregate(market.bodies[key]) for key in sorted(market.open, key=_order)]

    async def bounds(
        self, venue: Venue, symbol: str, timeframe: Timeframe
    ) -> tuple[int, int] | None:
        """Return the start of the oldest and of the newest bucket, or None."""
        starts = self._market(venue, symbol).starts(timeframe)
        return (min(starts), max(starts)) if starts else None

    def _market(self, venue: Venue, symbol: str) -> Market:
        """Return what is kept of a market, without keeping anything of one that is asked for."""
        return self._markets.get((venue, symbol)) or Market()

    def _pass(self, markets: set[tuple[Venue, str]], fence: int) -> None:
        for venue, symbol in markets:
            seen = self._market(venue, symbol).fence
            if fence < seen:
                msg = f"{venue} {symbol} has seen the fencing token {seen}, above {fence}"
                raise FencedError(msg)


def _order(bucket: Bucket) -> tuple[int, int]:
    return bucket[0].ns, bucket[1]
