"""A price that jumps within a second, against what its seconds do in an hour (definitions 4.1).

Judged is how far the second went from the last price before it, at its end or at its extreme, and
the baseline is the log return from last price to last price, of seconds without a trade 0. Told
from a modified z of 8 and 10 bp on: the textbook's 3.5 is far too low for a second of these
markets. The deviation is believed from half a tick on. Nothing is told before 300 seconds.
"""

from math import log
from typing import ClassVar, Final, Self

from msgspec import field

from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.processing.detectors.burst import Burst
from cloud_marketdata.processing.flow.moments import Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.robust import RollingMedian

CUT: Final = 8.0
LEAST_BP: Final = 10.0
LEAST_SECONDS: Final = 300
QUIET: Final = 5 * NS_PER_S
# Returns are whole numbers of a ten-thousandth of a bp, so that the window is small.
_PARTS: Final = 10_000
_PER_BP: Final = 10_000


class PriceSpike(Fold):
    """Last price in ticks, returns of the last hour, and the spike that goes on."""

    name: ClassVar[str] = "price_spike"

    last: int = 0
    returns: RollingMedian = field(default_factory=RollingMedian)
    burst: Burst = field(default_factory=lambda: Burst(QUIET))

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Judge the second, then count it."""
        told = list(self.burst.passed(second.start))
        last, close = self.last, second.close
        if close is None or second.high is None or second.low is None:
            if last:
                self.returns.add(second.start, 0)
            return told
        self.last = close
        if not last:
            return told
        self.returns.add(second.start, round(_bp(last, close) * _PARTS))
        moved = max(_bp(last, second.high), _bp(last, second.low), key=abs)
        if not self.warming and abs(moved) >= LEAST_BP:
            score = self.returns.score(moved * _PARTS, _bp(2 * last, 2 * last + 1) * _PARTS)
            if abs(score) >= CUT:
                moment = self._moment(scene, second, moved, score)
                told += self.burst.seen(moment, second.start + NS_PER_S)
        return told

    @property
    def warming(self) -> bool:
        """Whether the baseline has fewer than 300 seconds."""
        return self.returns.count < LEAST_SECONDS

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Count the last price on the finer grid; returns have none."""
        del lot_factor
        return type(self)(self.last * tick_factor, self.returns, self.burst)

    def _moment(self, scene: Scene, second: Second, moved: float, score: float) -> Signal:
        end = second.start + NS_PER_S
        return Signal(
            signal_id(SignalKind.PRICE_SPIKE, scene.subject, second.start),
            SignalKind.PRICE_SPIKE,
            scene.instrument,
            second.start,
            end,
            None,
            SignalState.OPEN,
            Severity.WARN,
            score,
            CUT,
            self.returns.median / _PARTS,
            self.name,
            self.version,
            Evidence(second.first_id, second.last_id, second.trades),
            Side.BUY if moved > 0 else Side.SELL,
            second.low,
            second.high,
            second.buy + second.sell,
            detail={
                "statistic": "modified z of the log return of 1 s",
                "moved_bp": moved,
                "least_bp": LEAST_BP,
                "mad_bp": self.returns.mad / _PARTS,
                "seconds": self.returns.count,
            },
        )


def _bp(before: int, after: int) -> float:
    return log(after / before) * _PER_BP
