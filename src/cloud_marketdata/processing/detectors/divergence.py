"""Minutes in which price and taker flow went apart far enough to be worth telling.

The facts are those of `metrics.divergence`: a bar that closed against its delta, and a high or low
beyond those of the 20 closed bars before with a CVD on the wrong side. Many a minute is one by
accident, so a signal is told only where it stands out: both the move and the delta of the bar, or
of a swing the change of the CVD, are at least 1.5 deviations of the last hour's minutes. Minutes
without a trade are no bars. CVDs are not compared across a gap in the tape. Nothing is told before
20 bars.
"""

from statistics import median
from typing import ClassVar, Final, Self

from msgspec import Struct, field

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_S, Side, canonical
from cloud_marketdata.processing.flow.moments import Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.divergence import (
    LENGTH,
    Divergence,
    Swing,
    of_bar,
    of_swing,
)
from cloud_marketdata.processing.metrics.robust import PER_MAD

CUT: Final = 1.5
BARS: Final = 60
MINUTE: Final = 60 * NS_PER_S
_RISING: Final = (Divergence.UP_ON_SELLING, Divergence.HIGHER_HIGH)
_BREAKS: Final = (StatusKind.TRADE_GAP, StatusKind.TRADES_UNREPAIRED, StatusKind.TRADES_DOUBTED)


class Bar(Struct):
    """A minute with trades: ticks, lots, and the ids of its trades."""

    start: int
    open: int
    high: int
    low: int
    close: int
    delta: int
    first_id: int | str | None
    last_id: int | str | None
    trades: int
    cvd: int = 0
    run: int = 0


class DeltaDivergence(Fold):
    """The running bar and the last sixty; `cvd` and `run` say where the next one counts from."""

    name: ClassVar[str] = "divergence"

    bars: list[Bar] = field(default_factory=list)
    running: Bar | None = None
    cvd: int = 0
    run: int = 0

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Add the second to the bar."""
        del scene
        if second.open is None or second.high is None:
            return ()
        if second.low is None or second.close is None:
            return ()
        bar = self.running
        if bar is None:
            start, first = second.start - second.start % MINUTE, second.first_id
            bar = Bar(start, second.open, second.high, second.low, 0, 0, first, None, 0)
            self.running = bar
        bar.high, bar.low = max(bar.high, second.high), min(bar.low, second.low)
        bar.close, bar.last_id = second.close, second.last_id
        bar.delta += second.buy - second.sell
        bar.trades += second.trades
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Judge the bar that is over by those before it."""
        del start
        bar, self.running = self.running, None
        if bar is None:
            return ()
        self.cvd += bar.delta
        bar.cvd, bar.run = self.cvd, self.run
        told = [] if self.warming else list(self._judged(scene, bar))
        self.bars.append(bar)
        del self.bars[:-BARS]
        return told

    def on_fact(self, scene: Scene, fact: StatusEvent) -> Told:
        """Count in a new segment after a hole in the tape."""
        del scene
        if fact.kind in _BREAKS:
            self.run += 1
        return ()

    @property
    def warming(self) -> bool:
        """Whether fewer than 20 bars are closed."""
        return len(self.bars) < LENGTH

    def _judged(self, scene: Scene, bar: Bar) -> Told:
        moves = PER_MAD / max(1.0, median(abs(b.close - b.open) for b in self.bars))
        deltas = PER_MAD / max(1.0, median(abs(b.delta) for b in self.bars))
        found = of_bar(bar.open, bar.close, bar.delta)
        if found is not None:
            score = min(abs(bar.close - bar.open) * moves, abs(bar.delta) * deltas)
            if score >= CUT:
                yield self._signal(scene, bar, found, score)
        swings = [_swing(b) for b in self.bars]
        for turn in of_swing(swings, _swing(bar)) or ():
            score, at = self._turned(bar, turn, deltas)
            if score >= CUT:
                yield self._signal(scene, bar, turn, score, at)

    def _turned(self, bar: Bar, turn: Divergence, deltas: float) -> tuple[float, Bar]:
        """Return how many deviations the CVD is off what it was at the extreme before, and that."""
        window = list(enumerate(self.bars[-LENGTH:]))[::-1]
        if turn is Divergence.HIGHER_HIGH:
            at, before = max(window, key=lambda each: each[1].high)
        else:
            at, before = min(window, key=lambda each: each[1].low)
        # Deltas of so many bars add up like steps of a walk.
        return abs(bar.cvd - before.cvd) * deltas / (len(window) - at) ** 0.5, before

    def _signal(
        self, scene: Scene, bar: Bar, found: Divergence, score: float, since: Bar | None = None
    ) -> Signal:
        first, scale = since or bar, scene.instrument.scale
        return Signal(
            signal_id(SignalKind.DIVERGENCE, scene.subject, bar.start, found.value),
            SignalKind.DIVERGENCE,
            scene.instrument,
            first.start,
            bar.start + MINUTE,
            bar.start + MINUTE,
            SignalState.RESOLVED,
            Severity.INFO,
            score,
            CUT,
            1.0,
            self.name,
            self.version,
            Evidence(bar.first_id, bar.last_id, bar.trades),
            Side.SELL if found in _RISING else Side.BUY,
            min(first.low, bar.low),
            max(first.high, bar.high),
            abs(bar.delta),
            detail={
                "statistic": "deviations of the last 60 bars, the smaller of move and delta",
                "divergence": found.value,
                "bar": "1m",
                "moved": canonical(scale.price(bar.close - bar.open)),
                "delta": canonical(scale.size(bar.delta)),
                "cvd_change": canonical(scale.size(bar.cvd - first.cvd)),
                "length": LENGTH,
            },
        )

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Begin the hour anew."""
        del tick_factor, lot_factor
        return type(self)()


def _swing(bar: Bar) -> Swing:
    return Swing(bar.high, bar.low, bar.cvd, bar.run)
