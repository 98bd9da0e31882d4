"""What the analysis of one market holds in memory while days of its market time go by.

A seeded market, busy by day and quiet by night, is played through the production merge and stage
with every registered fold, and what it tells is thrown away, as a store would take it. At each
midnight stand the process's resident memory and the size of the checkpoint, which is all state.
"""

import gc
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct

from cloud_marketdata.bench.meter import cpu_us
from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Level, LogEvent, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side, Venue, parse_decimal
from cloud_marketdata.processing.flow.checkpoint import written
from cloud_marketdata.processing.flow.merging import Merge
from cloud_marketdata.processing.flow.registry import FOLDS
from cloud_marketdata.processing.flow.stage import Stage
from cloud_marketdata.storage.ports import Record, StreamKind

_START: Final = 1_723_075_200 * NS_PER_S
_DAY_S: Final = 86_400
_LATENESS: Final = 2000 * NS_PER_MS
_LEVELS: Final = 100
_MID: Final = 600_000
_INSTRUMENT: Final = Instrument(
    Venue.BINANCE_USDM, "BTCUSDT", Scale(parse_decimal("0.1"), parse_decimal("0.001"))
)
_RSS: Final = re.compile(r"VmRSS:\s+(\d+) kB")


class Plan(Struct, frozen=True):
    """How many days, and the busiest second's trades and changes of the book."""

    days: int
    trades: int
    changes: int
    seed: int = 7


class Day(Struct, frozen=True):
    """Where it stood at the end of a day: counts are of the days until then."""

    trades: int
    changes: int
    signals: int
    rss_mb: float
    state_kb: float


class Week(Struct, frozen=True):
    """The days, and what all of it took."""

    days: list[Day]
    folds: int
    cpu_s: float


class Market:
    """A seeded market: each second's trades and book, ascending by time."""

    def __init__(self, plan: Plan) -> None:
        self._random = Random(plan.seed)  # noqa: S311  a market, not a secret
        self._plan = plan
        self._mid = _MID
        self._id = 0
        self._update = 0

    def second(self, number: int) -> tuple[list[LogEvent], list[LogEvent]]:
        """Return the trades and the changes of a second; every hour begins with a whole book."""
        share = 1 + self._busy(number)
        self._mid += self._random.randrange(-3, 4)
        times = sorted(self._random.sample(range(1000), share * self._plan.trades // 4 or 1))
        trades: list[LogEvent] = [self._trade(number, ms) for ms in times]
        count = share * self._plan.changes // 4 or 1
        whole: list[LogEvent] = [self._whole(number)] if number % 3600 == 0 else []
        changes = [self._change(number, 1000 * one // count) for one in range(count)]
        return trades, [*whole, *changes]

    def _busy(self, number: int) -> int:
        hour = number // 3600 % 24
        return self._random.randrange(1 + (3 if 13 <= hour < 21 else 1))  # noqa: PLR2004  New York

    def _trade(self, second: int, ms: int) -> TradeEvent:
        self._id += 1
        side = Side.BUY if self._random.getrandbits(1) else Side.SELL
        price = self._mid + (1 if side is Side.BUY else -1)
        size = self._random.randrange(1, 50) * self._random.randrange(1, 50)
        time = _START + second * NS_PER_S + ms * NS_PER_MS
        return TradeEvent(
            _INSTRUMENT, self._id, price, size, side, time, time + 5 * NS_PER_MS, self._id
        )

    def _change(self, second: int, ms: int) -> LogEvent:
        time = _START + second * NS_PER_S + ms * NS_PER_MS
        bids, asks = self._levels(-1), self._levels(1)
        self._update += 1
        received = time + 5 * NS_PER_MS
        return BookDelta(_INSTRUMENT, self._update, self._update, None, bids, asks, time, received)

    def _levels(self, way: int) -> tuple[Level, ...]:
        """Move a few levels of a side, and take away what the mid has left behind."""
        depths = self._random.sample(range(1, _LEVELS), 3)
        moved = tuple(
            (self._mid + way * depth, self._random.randrange(1, 3000)) for depth in depths
        )
        return (*moved, *((self._mid - way * step, 0) for step in range(4)))

    def _whole(self, second: int) -> BookSnapshot:
        time = _START + second * NS_PER_S
        bids, asks = self._side(-1), self._side(1)
        self._update += 1
        return BookSnapshot(_INSTRUMENT, self._update, bids, asks, time, time + 5 * NS_PER_MS)

    def _side(self, way: int) -> tuple[Level, ...]:
        return tuple((self._mid + way * depth, 500 + depth) for depth in range(1, _LEVELS))


class Analysis:
    """Every registered fold over one market; what it tells is counted and let go."""

    def __init__(self) -> None:
        self._merge = Merge(_LATENESS)
        subject = Subject.market(_INSTRUMENT.venue, _INSTRUMENT.symbol)
        self._stage = Stage(subject, _INSTRUMENT, [fold() for fold in FOLDS])
        self._position = 0
        self.signals = 0
        self._merge.take(StreamKind.STATUS, (), more=False)

    def take(self, kind: StreamKind, events: Sequence[LogEvent]) -> None:
        """Take one log entry."""
        self._position += 1
        self._merge.take(kind, [Record(self._position, tuple(events))], more=False)
        released = self._merge.release()
        if released:
            self._stage.tell(released)
        self.signals += len(self._stage.take()[1])

    def state(self) -> bytes:
        """Return the whole state as it would be stored."""
        return written(self._stage, self._merge.cut)


def measure(plan: Plan) -> Week:
    """Play the days; raises what the analysis raises."""
    before = cpu_us()
    days = list(_days(plan, Market(plan), Analysis()))
    return Week(days, len(FOLDS), round((cpu_us() - before) / 1e6, 1))


def _days(plan: Plan, market: Market, analysis: Analysis) -> Iterator[Day]:
    trades = changes = 0
    for day in range(plan.days):
        for second in range(day * _DAY_S, (day + 1) * _DAY_S):
            traded, changed = market.second(second)
            analysis.take(StreamKind.BOOK, changed)
            analysis.take(StreamKind.TRADES, traded)
            trades, changes = trades + len(traded), changes + len(changed)
        gc.collect()
        state = len(analysis.state())
        yield Day(trades, changes, analysis.signals, _resident_mb(), round(state / 1024, 1))


def _resident_mb() -> float:
    found: Any = _RSS.search(Path("/proc/self/status").read_text("ascii"))
    return round(int(found[1]) / 1024, 1)
