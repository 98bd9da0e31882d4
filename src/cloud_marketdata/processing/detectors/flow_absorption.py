"""Flow that was paid for and moved nothing: the residual of price on flow (definitions 2.3 B).

Every second with a taker imbalance is a point: the mid's change in bp on taker buys less sells. A
line through the origin is drawn whose points count half after 30 minutes, with residuals clipped at
three deviations, so that what is told does not bend the line it is judged by. Absorption is a
second whose imbalance is at least the 95 % quantile of 24 hours and whose price stayed three
deviations behind the line. Without a book the last price stands for the mid: `price` says which.
Nothing is told before 300 points. Impact is concave, so the largest orders lie below any straight
line; the figure says that impact is missing, not why.
"""

from typing import ClassVar, Final, Self

from msgspec import Struct, field

from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_S, Side, canonical
from cloud_marketdata.processing.detectors.burst import Burst
from cloud_marketdata.processing.flow.moments import Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.sketch import RollingSketch

CUT: Final = 3.0
SHARE: Final = 0.95
HALF_LIFE_S: Final = 1_800
LEAST_POINTS: Final = 300
QUIET: Final = 5 * NS_PER_S
_BP: Final = 10_000
_MILLION: Final = 1_000_000


class Line(Struct):
    """Price on flow through the origin, as fading sums of squares; `points` never fades."""

    xx: float = 0.0
    xy: float = 0.0
    ee: float = 0.0
    weight: float = 0.0
    time: int = 0
    points: int = 0

    @property
    def slope(self) -> float:
        """Change of y per x."""
        return self.xy / self.xx if self.xx else 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the clipped residuals."""
        return (self.ee / self.weight) ** 0.5 if self.weight else 0.0

    def add(self, time: int, x: float, y: float) -> None:
        """Take a point; from 30 points on its residual is clipped."""
        left = 0.5 ** ((time - self.time) / (NS_PER_S * HALF_LIFE_S))
        expected = self.slope * x
        off, most = y - expected, CUT * self.deviation
        if self.points >= LEAST_POINTS // 10 and most:
            off = max(-most, min(most, off))
        self.xx = self.xx * left + x * x
        self.xy = self.xy * left + x * (expected + off)
        self.ee = self.ee * left + off * off
        self.weight = self.weight * left + 1
        self.time, self.points = time, self.points + 1


class FlowAbsorption(Fold):
    """The line, how large imbalances are, the last price, and the absorption that goes on.

    The line is in bp and millions of quote currency, `imbalances` in ticks x lots.
    """

    name: ClassVar[str] = "flow_absorption"

    line: Line = field(default_factory=Line)
    imbalances: RollingSketch = field(default_factory=RollingSketch)
    large: int = 0
    last: int = 0
    burst: Burst = field(default_factory=lambda: Burst(QUIET))

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Judge the second by the line, then draw the line again."""
        told = list(self.burst.passed(second.start))
        flow = second.buy_quote - second.sell_quote
        moved = self._moved(second)
        if second.close is not None:
            self.last = second.close
        if not flow or moved is None:
            return told
        x = flow * float(scene.instrument.scale.quote(1)) / _MILLION
        if self.large and abs(flow) >= self.large and self.line.deviation:
            behind = self.line.slope * x - moved
            score = (behind if flow > 0 else -behind) / self.line.deviation
            if score >= CUT and not self.warming:
                moment = self._moment(scene, second, moved, score)
                told += self.burst.seen(moment, second.start + NS_PER_S)
        self.line.add(second.start, x, moved)
        self.imbalances.add(second.start, abs(flow))
        return told

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Take the quantile of the last day."""
        del scene, start
        self.large = self.imbalances.whole().quantile(SHARE) or 0
        return ()

    @property
    def warming(self) -> bool:
        """Whether the line has fewer than 300 points."""
        return self.line.points < LEAST_POINTS

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Count imbalances and the last price on the finer grid; the line has none."""
        factor = tick_factor * lot_factor
        imbalances, large = self.imbalances.rescaled(factor), self.large * factor
        return type(self)(self.line, imbalances, large, self.last * tick_factor, self.burst)

    def _moved(self, second: Second) -> float | None:
        """Return the mid's change in bp, that of the last price without a book, or None."""
        before, after = second.quote_before, second.quote_after
        if before is not None and after is not None:
            return (after.twice_mid - before.twice_mid) * _BP / before.twice_mid
        if second.close is None or not self.last:
            return None
        return (second.close - self.last) * _BP / self.last

    def _moment(self, scene: Scene, second: Second, moved: float, score: float) -> Signal:
        scale = scene.instrument.scale
        flow = second.buy_quote - second.sell_quote
        booked = second.quote_before is not None and second.quote_after is not None
        return Signal(
            signal_id(SignalKind.FLOW_ABSORPTION, scene.subject, second.start),
            SignalKind.FLOW_ABSORPTION,
            scene.instrument,
            second.start,
            second.start + NS_PER_S,
            None,
            SignalState.OPEN,
            Severity.INFO,
            score,
            CUT,
            0.0,
            self.name,
            self.version,
            Evidence(second.first_id, second.last_id, second.trades),
            Side.BUY if flow > 0 else Side.SELL,
            second.low,
            second.high,
            abs(second.buy - second.sell),
            detail={
                "statistic": "(expected - actual move) / deviation of residuals",
                "price": "mid" if booked else "last",
                "imbalance": canonical(scale.quote(abs(flow))),
                "quantile": canonical(scale.quote(self.large)),
                "share": SHARE,
                "lambda_bp_per_million": self.line.slope,
                "moved_bp": moved,
                "deviation_bp": self.line.deviation,
                "half_life_s": HALF_LIFE_S,
            },
        )
