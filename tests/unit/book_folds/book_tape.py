"""A market made by hand, book and trades, told to folds by the real stage."""

import random
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec

from cloud_marketdata.domain.events import (
    BookDelta,
    BookSnapshot,
    Level,
    LogEvent,
    StatusEvent,
    StatusKind,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.processing.flow.calls import Calls
from cloud_marketdata.processing.flow.moments import Fold
from cloud_marketdata.processing.flow.offline import Analysed, TapeAnalysis, analyse, records
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind

S = 1_000_000_000
MS = 1_000_000
MINUTE = 60 * S
DAY = 86_400 * S
START = 1_700_000_000 * S // DAY * DAY
BUY, SELL = Side.BUY, Side.SELL
SCALE = Scale(Decimal("0.1"), Decimal("0.001"))
INSTRUMENT = Instrument(Venue.BYBIT_LINEAR, "BTCUSDT", SCALE)
MID = 600_000
WAY = 20 * MS
"""How long everything takes to come."""


class BookTape:
    """Events of one market in the order of their time; times are given from `START` on."""

    def __init__(self, instrument: Instrument = INSTRUMENT) -> None:
        self.instrument = instrument
        self.events: list[LogEvent] = []
        self.update = 0

    def whole(self, at: int, bids: Sequence[Level], asks: Sequence[Level]) -> "BookTape":
        """Tell a whole book."""
        self.update += 1
        time, sides = START + at, (tuple(bids), tuple(asks))
        self.events.append(BookSnapshot(self.instrument, self.update, *sides, time, time + WAY))
        return self

    def change(self, at: int, bids: Sequence[Level] = (), asks: Sequence[Level] = ()) -> "BookTape":
        """Tell new sizes of levels."""
        self.update += 1
        time, number, sides = START + at, self.update, (tuple(bids), tuple(asks))
        self.events.append(
            BookDelta(self.instrument, number, number, number - 1, *sides, time, time + WAY)
        )
        return self

    def trade(self, at: int, side: Side, price: int, lots: int) -> "BookTape":
        """Tell a trade that is a taker order of its own."""
        time, number = START + at, len(self.events)
        self.events.append(
            TradeEvent(self.instrument, number, price, lots, side, time, time + WAY, number << 20)
        )
        return self

    def lost(self, at: int) -> "BookTape":
        """Tell that the book is lost."""
        time = START + at
        kind = StatusKind.BOOK_LOST
        venue, symbol = self.instrument.venue, self.instrument.symbol
        self.events.append(StatusEvent(venue, symbol, kind, time + WAY, {"since_ms": time // MS}))
        return self

    def told(self, *folds: Fold) -> Analysed:
        """Let the stage tell all of it, as it arrives."""
        return self.told_in_parts(folds, lambda fold: fold)[0]

    def read(self, *folds: Fold, page: int) -> Analysed:
        """Let the stage tell all of it, read from the log in pages."""
        return analyse(self.instrument, records(self.events, 20), folds, page=page)

    def told_in_parts(
        self, folds: Sequence[Fold], swap: Callable[[Fold], Fold]
    ) -> tuple[Analysed, Sequence[Fold]]:
        """Let it be told event by event, with all folds swapped after each of them."""
        analysis = TapeAnalysis(self.instrument, folds)
        stage = analysis.stage
        for event in self.events:
            analysis.take(Batch(self._stream(event), [event]))
            stage.folds = [swap(fold) for fold in stage.folds]
            stage._calls = Calls(stage.folds)
        return analysis.end(), stage.folds

    def _stream(self, event: LogEvent) -> Stream:
        kind = StreamKind.BOOK if isinstance(event, BookSnapshot | BookDelta) else StreamKind.STATUS
        kind = StreamKind.TRADES if isinstance(event, TradeEvent) else kind
        return Stream(self.instrument.venue, self.instrument.symbol, kind)


def stored(fold: Fold) -> Fold:
    """Return a fold as it comes out of a checkpoint."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(fold), type=type(fold))


def ladder(best: int, step: int, levels: int = 30, lots: int = 500) -> list[Level]:
    """Levels of equal size from the best price on."""
    return [(best + step * at, lots) for at in range(levels)]


def busy(seconds: int, seed: int = 1, *, resync: int = 97, rate: int = 5) -> BookTape:
    """A seeded market: a wandering touch, levels that come and go, orders of heavy-tailed sizes.

    Every `resync` seconds the book is lost and told anew. `rate`: orders and changes a second.
    """
    rng, tape, mid = random.Random(seed), BookTape(), MID  # noqa: S311  # a seed repeats
    tape.whole(0, ladder(mid - 1, -1), ladder(mid + 1, 1))
    for second in range(seconds):
        if second % resync == resync - 1:
            tape.lost(second * S + 1)
            tape.whole(second * S + 2, ladder(mid - 1, -1), ladder(mid + 1, 1))
            continue
        for at in _moments(rng, rate):
            time, old = second * S + at * MS, mid
            if rng.randrange(3) == 0:
                side, lots = rng.choice((BUY, SELL)), int(rng.lognormvariate(4, 1.5)) + 1
                tape.trade(time, side, mid + (1 if side is BUY else -1), lots)
                continue
            mid += rng.choice((-1, 0, 0, 0, 1))
            bids, asks = _moved(rng, old, mid)
            tape.change(time, bids, asks)
    return tape


def _moments(rng: random.Random, count: int) -> Iterator[int]:
    yield from sorted(rng.sample(range(10, 999), count))


def _moved(rng: random.Random, old: int, mid: int) -> tuple[list[Level], list[Level]]:
    """Move the touch by at most a tick, and change a level deeper down."""
    bids = {mid - 1: rng.randrange(1, 900), mid: 0, mid - rng.randrange(2, 15): rng.randrange(900)}
    asks = {mid + 1: rng.randrange(1, 900), mid: 0, mid + rng.randrange(2, 15): rng.randrange(900)}
    if mid > old:
        asks[old + 1] = 0
    if mid < old:
        bids[old - 1] = 0
    return list(bids.items()), list(asks.items())
