"""A tape, a clock that stands still, stores that can fail, and the plain recomputation."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.sheet import Changes
from cloud_marketdata.domain.values import NS_PER_S, Side, Timeframe, Venue
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind

VENUE = Venue.BINANCE_USDM
BTC = Instrument(VENUE, "BTCUSDT", Scale(Decimal("0.10"), Decimal("0.001")))
STREAM = Stream(VENUE, "BTCUSDT", StreamKind.TRADES)
S = NS_PER_S
MINUTE, HOUR, DAY = 60 * S, 3_600 * S, 86_400 * S
START = 19_943 * DAY
"""A midnight, in ns."""
KEPT = (Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1)


class StillClock:
    """Time that moves only when it is set."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        """Nanoseconds, as set."""
        return self.at

    def monotonic(self) -> float:
        """Seconds, as set."""
        return self.at / S

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.at += round(seconds * S)


class Failing:
    """An aggregate repository whose next saves fail, before they change anything."""

    def __init__(self, inner) -> None:  # any repository
        self._inner = inner
        self.failures = 0

    def __getattr__(self, name: str) -> object:
        """Do everything else as the repository inside."""
        return getattr(self._inner, name)

    async def save(
        self, aggregates: Sequence[Aggregate], ledger: Changes | None = None, *, fence: int = 0
    ) -> None:
        """Fail as often as was asked, then save."""
        if self.failures:
            self.failures -= 1
            msg = "away"
            raise StorageError(msg)
        await self._inner.save(aggregates, ledger, fence=fence)


def trade(
    number: int, time: int, *, price: int = 600_000, size: int = 1, flags: int = 0
) -> TradeEvent:
    """Return a trade at `time`, received an hour later."""
    side = Side.SELL if number % 3 else Side.BUY
    return TradeEvent(BTC, number, price, size, side, time, time + HOUR, number, 1, flags)


def fresh_stores() -> tuple[Stores, Failing]:
    """Return empty memory stores, and the handle that makes saving fail."""
    made = memory_stores(StillClock())
    failing = Failing(made.aggregates)
    parts = {name: getattr(made, name) for name in made.__struct_fields__}
    return Stores(**parts | {"aggregates": failing}), failing


def worker(
    stores: Stores,
    clock: StillClock | None = None,
    tally: Tally | None = None,
    fence: int = 0,
    **given: int,
) -> Worker:
    """Return a worker that has not started, with the settings given."""
    settings = Settings(**given)  # type: ignore[arg-type]  # settings of plain numbers
    counts = Tally() if tally is None else tally
    return Worker(STREAM, stores, clock or StillClock(), settings, fence=fence, tally=counts)


async def started(
    stores: Stores, tally: Tally | None = None, fence: int = 0, **given: int
) -> Worker:
    """Return a worker that has loaded what is stored, as after a crash."""
    made = worker(stores, None, tally, fence, **given)
    await made.restore()
    return made


async def append(stores: Stores, *trades: TradeEvent) -> None:
    """Append one entry."""
    await stores.log.append([Batch(STREAM, list(trades))])


async def drained(made: Worker) -> None:
    """Fold everything that is in the log."""
    while await made.step():
        pass


async def stored(stores: Stores, timeframe: Timeframe) -> list[Aggregate]:
    """Return every stored bucket."""
    return await stores.aggregates.find_by_range(VENUE, "BTCUSDT", timeframe, 0, 1 << 62)


def recomputed(trades: Iterable[TradeEvent], timeframe: Timeframe) -> list[Aggregate]:
    """Fold a whole tape from scratch, in order of time."""
    buckets: dict[int, Aggregate] = {}
    for one in sorted(trades, key=lambda one: (one.exchange_time, one.sequence)):
        start = timeframe.floor(one.exchange_time)
        if start not in buckets:
            buckets[start] = Aggregate(one.instrument, timeframe, start)
        buckets[start].add(one)
    return [buckets[start] for start in sorted(buckets)]


def content(aggregates: Iterable[Aggregate]) -> list[list[str]]:
    """Return what the aggregates say, bucket by bucket."""
    return [list(item.lines()) for item in aggregates]
