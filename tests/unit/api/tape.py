"""A small tape for the API's tests: a log, what a worker would have saved, and brute force."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from weakref import WeakKeyDictionary

import msgspec

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.stitching import read_rows
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.api.timetrees import TimeTrees
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.events import StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe, Venue
from cloud_marketdata.storage.answers import KeptAnswers
from cloud_marketdata.storage.coverage import fold_facts
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stores, Stream, StreamKind

MINUTE = Timeframe.M1.ns
# 2024-08-08 23:58 UTC, so that minutes, an hour and a day end within the tape.
BASE = 1_723_161_480_000 * NS_PER_MS
BTC = Instrument(Venue.BINANCE_USDM, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
BYBIT = Instrument(Venue.BYBIT_LINEAR, "BTCUSDT", BTC.scale)
OTHER_BUCKETS = (Timeframe.H1, Timeframe.D1)


class FixedClock:
    """A clock that stands where the test put it."""

    def __init__(self, now: int = BASE + 10 * MINUTE) -> None:
        self.time = now

    def now(self) -> int:
        """Tell the time."""
        return self.time

    def monotonic(self) -> float:
        """Tell seconds."""
        return self.time / 1e9

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.time += int(seconds * 1e9)


def trade(
    sequence: int,
    ms: int,
    price: int = 617_000,
    size: int = 1,
    side: Side = Side.BUY,
    instrument: Instrument = BTC,
    flags: int = 0,
) -> TradeEvent:
    time = BASE + ms * NS_PER_MS
    ident = sequence if instrument.venue.contiguous_ids else f"t{sequence}"
    return TradeEvent(instrument, ident, price, size, side, time, time, sequence, 1, flags)


class Market:
    """Stores of one market with a worker that folds and saves when it is told to."""

    def __init__(
        self,
        instrument: Instrument = BTC,
        clock: FixedClock | None = None,
        stores: Stores | None = None,
    ) -> None:
        self.instrument = instrument
        self.clock = clock or FixedClock()
        self.stores = stores or memory_stores(self.clock)
        self.queries = Queries(self.stores, self.clock, Settings())
        self.stream = Stream(instrument.venue, instrument.symbol, StreamKind.TRADES)
        self.buckets: dict[tuple[Timeframe, int], Aggregate] = {}
        self.folded = 0
        self.late = 0
        self.ledger = Ledger(instrument.venue, instrument.symbol, Kept())

    async def open(self) -> "Market":
        """Make the market known."""
        await self.stores.instruments.save([self.instrument])
        return self

    async def append(self, trades: Sequence[TradeEvent]) -> None:
        """Log trades as one entry."""
        if trades:
            await self.stores.log.append([Batch(self.stream, trades)])

    async def tell(self, kind: StatusKind, ms: int, **detail: int | str) -> None:
        """Log a fact, received `ms` after the beginning of the tape; its times are meant so too."""
        told = {
            name: value + BASE // NS_PER_MS if name.endswith("_ms") else value
            for name, value in detail.items()
        }
        venue, symbol = self.instrument.venue, self.instrument.symbol
        event = StatusEvent(venue, symbol, kind, BASE + ms * NS_PER_MS, told)
        stream = self.stream._replace(kind=StreamKind.STATUS)
        await self.stores.log.append([Batch(stream, [event])])

    async def save(self, final_before: int | None = None) -> None:
        """Fold what is logged and save it all in one go, as the worker's contract says."""
        for record in await self.stores.log.read(self.stream, after=self.folded, limit=10_000):
            trades = [event for event in record.events if event.exchange_time >= self.late]
            for event in trades:
                self._fold(event, record.position)
            self.ledger.fold_trades(record.position, trades)
            self.folded = record.position
        for (timeframe, _), bucket in self.buckets.items():
            if final_before is not None and bucket.end <= final_before:
                bucket.final = True
            if timeframe is Timeframe.S1:
                bucket.profile = VolumeProfile(bucket.scale)
        await fold_facts(self.stores.log, self.ledger)
        made = [*self.buckets.values(), *self._closed(final_before)]
        made = [bucket for bucket in made if bucket.end > self.late]
        await self.stores.aggregates.save(made, self.ledger.changes())
        self.ledger.saved()

    def _fold(self, event: TradeEvent, position: int) -> None:
        for timeframe in (Timeframe.S1, Timeframe.M1):
            start = timeframe.floor(event.exchange_time)
            bucket = self.buckets.get((timeframe, start))
            if bucket is None:
                bucket = Aggregate(event.instrument, timeframe, start)
                self.buckets[timeframe, start] = bucket
            if bucket.final:
                bucket.late += 1
                bucket.revision += 1
            bucket.add(event)
            bucket.position = position

    def _closed(self, before: int | None) -> Iterable[Aggregate]:
        minutes = [b for (frame, _), b in self.buckets.items() if frame is Timeframe.M1]
        for timeframe in OTHER_BUCKETS:
            for start in sorted({timeframe.floor(minute.start) for minute in minutes}):
                parts = [m for m in minutes if timeframe.floor(m.start) == start]
                if before is not None and self.late < start + timeframe.ns <= before:
                    yield combined(parts, timeframe, start)


def brute(trades: Iterable[TradeEvent], start: int, end: int) -> Aggregate | None:
    """Fold raw trades of a range one by one."""
    total = None
    for event in trades:
        if start <= event.exchange_time < end:
            total = total or Aggregate(event.instrument, Timeframe.D1, 0)
            total.add(event)
    return total


# What was read of a store before makes the next answers quicker, never others.
_TREES: WeakKeyDictionary[object, TimeTrees] = WeakKeyDictionary()


async def read_tape(stores: Stores, within: TimeRange) -> Reading:
    """Read what traded in a range, as a profile would, with all that earlier readings left."""
    trees = _TREES.setdefault(stores.cache, TimeTrees())
    reader = TileReader(stores, BTC, KeptAnswers(stores.cache), trees)
    return await read_rows(reader, within, exact=False)


def ms(time: int) -> str:
    return str(time // NS_PER_MS)


def floats_in(value: object, path: str = "") -> list[str]:
    """Return the paths of all floats in decoded JSON."""
    if isinstance(value, float):
        return [path]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in floats_in(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [found for item in value for found in floats_in(item, f"{path}[]")]
    return []


def decoded(model: object) -> dict[str, object]:
    return msgspec.json.decode(model.model_dump_json())


ROOT = "/v1/markets/binance-usdm/BTCUSDT"
TAPE = [
    trade(at, at * 700, price=617_000 + at % 37, size=1 + at % 5, side=list(Side)[at % 2])
    for at in range(300)
]


def book(**changed: object) -> BookView:
    """Return a synced book of 60 levels a side, changed as told."""
    given = {
        "instrument": BTC,
        "state": BookState.SYNCED,
        "update_id": 77,
        "exchange_time": BASE + 9 * MINUTE,
        "received_at": BASE + 10 * MINUTE - 250 * NS_PER_MS,
        "bids": tuple((617_000 - at, 10 + at) for at in range(60)),
        "asks": tuple((617_003 + at, 20 + at) for at in range(60)),
    }
    return BookView(**given | changed)
