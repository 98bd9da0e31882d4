"""A market made by hand, second by second, and told to one fold as the stage would tell it."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta, BookSnapshot
from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import Signal, Subject
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Quote, Scene, Second

S = 1_000_000_000
MS = 1_000_000
MINUTE = 60 * S
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_700_000_000 * S // DAY * DAY
BUY, SELL = Side.BUY, Side.SELL
SCALE = Scale(Decimal("0.1"), Decimal("0.001"))
INSTRUMENT = Instrument(Venue.BINANCE_USDM, "BTCUSDT", SCALE)

AnyFold = TypeVar("AnyFold", bound=Fold)


def order(
    time: int,
    side: Side,
    lots: int,
    price: int = 600_000,
    *,
    levels: int = 1,
    first_id: int | None = None,
) -> Cluster:
    """One taker order over `levels` prices, going up or down from `price`, in even parts."""
    step = 1 if side is BUY else -1
    parts = [lots // levels + (at < lots % levels) for at in range(levels)]
    prices = tuple((price + step * at, part) for at, part in enumerate(parts))
    quote = sum(tick * part for tick, part in prices)
    name = time // MS if first_id is None else first_id
    last = name + levels - 1
    return Cluster(time, time + MS, side, name, last, levels, levels, lots, quote, prices)


class Touch(NamedTuple):
    """From `time` on the best quotes are these, each of 1,000 lots."""

    time: int
    bid: int
    ask: int


Event = Cluster | Touch


def scene() -> Scene:
    return Scene(Subject.market(Venue.BINANCE_USDM, "BTCUSDT"), INSTRUMENT)


class Telling:
    """Tells one fold of events and of every second and minute that they leave behind."""

    def __init__(self, fold: Fold, start: int = START) -> None:
        self.fold = fold
        self.scene = scene()
        self.signals: list[Signal] = []
        self.readings: list[Reading | None] = []
        self.second = start
        self.inside: list[Cluster] = []
        self.at_second: Quote | None = None
        self.swaps: Callable[[Fold], Fold] = lambda kept: kept

    def tell(self, events: Iterable[Event], until: int | None = None) -> "Telling":
        """Tell events in their order, and every second that is over at `until`."""
        for event in events:
            self.until(event.time)
            self.scene.time = event.time
            if isinstance(event, Touch):
                self._touch(event)
            else:
                self.inside.append(event)
                self.scene.before = self.scene.quote
                self._call("on_cluster", event)
        if until is not None:
            self.until(until)
        return self

    def until(self, time: int) -> None:
        """Tell every second and minute that is over at `time`."""
        while self.second + S <= time:
            end = self.second + S
            self.scene.time = end
            if _overrides(self.fold, "on_second"):
                self._call("on_second", self._second())
            self.second, self.inside, self.at_second = end, [], self.scene.quote
            if end % MINUTE == 0:
                self._call("on_minute", end - MINUTE)
                if _overrides(self.fold, "reading"):
                    self.readings.append(self.fold.reading(self.scene))
            self.fold = self.swaps(self.fold)

    def _touch(self, touch: Touch) -> None:
        if touch.bid == 0:
            self.scene.quote = self.scene.book = None
            return
        bids, asks = ((touch.bid, 1000),), ((touch.ask, 1000),)
        change = BookSnapshot(INSTRUMENT, touch.time, bids, asks, touch.time, touch.time)
        self.scene.book = OrderBook(change)
        self.scene.quote = Quote(touch.time, touch.bid, 1000, touch.ask, 1000)
        delta = BookDelta(INSTRUMENT, 1, touch.time, None, bids, asks, touch.time, touch.time)
        self._call("on_book", delta)

    def _second(self) -> Second:
        inside = self.inside
        lots = {side: sum(c.lots for c in inside if c.side is side) for side in Side}
        quote = {side: sum(c.quote for c in inside if c.side is side) for side in Side}
        return Second(
            self.second,
            inside[0].prices[0][0] if inside else None,
            max((c.high for c in inside), default=None),
            min((c.low for c in inside), default=None),
            inside[-1].prices[-1][0] if inside else None,
            lots[BUY],
            lots[SELL],
            quote[BUY],
            quote[SELL],
            len(inside),
            sum(c.trades for c in inside),
            inside[0].first_id if inside else None,
            inside[-1].last_id if inside else None,
            0,
            self.at_second,
            self.scene.quote,
        )

    def _call(self, name: str, told: object) -> None:
        if _overrides(self.fold, name):
            self.signals += getattr(self.fold, name)(self.scene, told)


def _overrides(fold: Fold, name: str) -> bool:
    return getattr(type(fold), name) is not getattr(Fold, name)


def stored(fold: AnyFold) -> AnyFold:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(fold), type=type(fold))


def goes_on_after_storing(kind: type[Fold], events: Sequence[Event], until: int) -> Telling:
    """Tell the same once straight and once through storage after every second; both must agree."""
    straight = Telling(kind()).tell(events, until)
    broken = Telling(kind())
    broken.swaps = stored
    broken.tell(events, until)
    assert broken.signals == straight.signals
    assert broken.readings == straight.readings
    assert msgspec.msgpack.encode(broken.fold) == msgspec.msgpack.encode(straight.fold)
    return straight


def newest(signals: Iterable[Signal]) -> list[Signal]:
    """The highest revision of each signal, in the order in which they were opened."""
    last: dict[str, Signal] = {}
    for signal in signals:
        assert signal.id not in last or signal.revision == last[signal.id].revision + 1
        last[signal.id] = signal
    return list(last.values())


def calm(
    seconds: int, start: int = START, *, seed: int = 1, lots: int = 100, touch: bool = True
) -> Iterator[Event]:
    """About three orders a second of widely different sizes, around a mid that hardly moves."""
    rng = random.Random(seed)  # noqa: S311  # a seed repeats
    mid, number = 600_000, start // MS
    for second in range(start, start + seconds * S, S):
        mid += rng.choice((-2, 0, 0, 2)) + (600_000 - mid) // 20
        if touch:
            yield Touch(second, mid - 1, mid + 1)
        for time in sorted(rng.sample(range(1, 999), rng.randrange(1, 6))):
            side, size = rng.choice((BUY, SELL)), int(rng.lognormvariate(0, 1.2) * lots) + 1
            number += 10
            yield order(second + time * MS, side, size, mid + (side is BUY), first_id=number)
