"""A market whose buckets move through the tiers, without a worker or tiering's own code."""

from msgspec.structs import replace
from tape import BASE, Market, brute

from cloud_marketdata.api.queries import Queries
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Timeframe
from cloud_marketdata.storage.memory.cache import MemoryCache
from cloud_marketdata.storage.objects.archive import ObjectArchive
from cloud_marketdata.storage.objects.days import save_day

SECOND, MINUTE, HOUR, DAY = (
    frame.ns for frame in (Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1)
)
MIDNIGHT = BASE + 2 * MINUTE
LATENESS = 2 * NS_PER_S


class AgedMarket(Market):
    """Its clock says how old everything is: what `age` then lets go is what the brief says."""

    async def open(self) -> "AgedMarket":
        """Make the market known, with an archive over its objects."""
        await super().open()
        self.stores = replace(self.stores, archive=ObjectArchive(self.stores.objects))
        self.queries = self.fresh()
        self.logged: list[TradeEvent] = []
        self.horizons = dict.fromkeys((Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1), 0)
        return self

    def fresh(self) -> Queries:
        """Return queries with an empty cache."""
        stores = replace(self.stores, cache=MemoryCache(self.clock))
        return Queries(stores, self.clock, Settings())

    async def append(self, trades: list[TradeEvent]) -> None:
        """Log trades; those that are too late count for nothing from here on."""
        await super().append(trades)
        self.logged += [one for one in trades if one.exchange_time >= self.late]

    async def age(self) -> None:
        """Save everything that is due, then let go what is old, after the next tier has it."""
        now, at = self.clock.time, (self.instrument.venue, self.instrument.symbol)
        closed = now - LATENESS
        await self.save(closed)
        aggregates = self.stores.aggregates
        kept = (
            (Timeframe.S1, Timeframe.M1.floor(min(now - HOUR, closed))),
            (Timeframe.M1, Timeframe.H1.floor(now - DAY)),
            (Timeframe.H1, Timeframe.D1.floor(now - 7 * DAY)),
            (Timeframe.D1, Timeframe.D1.floor(now - 7 * DAY)),
        )
        for frame, before in kept:
            if frame is Timeframe.D1:
                for day in await aggregates.find_by_range(*at, frame, 0, before):
                    await save_day(self.stores.objects, day)
            await aggregates.forget(*at, frame, before)
            self.horizons[frame] = max(self.horizons[frame], before)
        self.late = self.horizons[Timeframe.M1]
        last = await self.stores.log.last(self.stream)
        if last:
            await self.stores.log.trim(self.stream, upto=self.folded, before=now - HOUR)

    def want(self, start: int, end: int) -> Aggregate | None:
        """Return brute force over all that was logged in time."""
        return brute(self.logged, start, end)

    def cut(self, time: int) -> Timeframe | None:
        """Return the finest kept timeframe at an instant, None where raw trades may be kept."""
        for frame in (Timeframe.M1, Timeframe.H1):
            if time >= self.horizons[frame]:
                return frame
        return Timeframe.D1


def at_ms(time: int) -> int:
    """Return ms after the beginning of the tape."""
    return (time - BASE) // NS_PER_MS


def lines(total: Aggregate | None) -> list[str]:
    """Return the content of a sum without its name, in decimals."""
    return list(total.lines())[1:] if total else []
