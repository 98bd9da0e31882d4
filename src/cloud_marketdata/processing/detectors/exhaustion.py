"""Minutes in which the aggressor ran out into the high or the low (definitions 2.4).

At the end of each minute its footprint, in rows of which it has at most forty, is judged by
`metrics.exhaustion`: takers thin out over the last three rows into the extreme, the last row holds
at most a tenth of the largest, and the running delta turned where the extreme was first made. It is
a shape of one finished bar, told once, and needs no baseline.
"""

from typing import ClassVar, Final, Self

from msgspec import field

from cloud_marketdata.domain.profile import Row
from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_S, Side, canonical
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told
from cloud_marketdata.processing.metrics.exhaustion import MOST_PCT, ROWS, exhausted
from cloud_marketdata.processing.metrics.footprint import bar_row_ticks

MINUTE: Final = 60 * NS_PER_S


class Exhaustion(Fold):
    """The running minute: lots by tick and side, its extremes, and the delta when each was made."""

    name: ClassVar[str] = "exhaustion"

    bought: dict[int, int] = field(default_factory=dict)
    sold: dict[int, int] = field(default_factory=dict)
    delta: int = 0
    high: int = 0
    low: int = 0
    at_high: int = 0
    at_low: int = 0
    first_id: int | str | None = None
    last_id: int | str | None = None
    trades: int = 0

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Add the order to its rows."""
        del scene
        buying = cluster.side is Side.BUY
        cells = self.bought if buying else self.sold
        for price, lots in cluster.prices:
            cells[price] = cells.get(price, 0) + lots
        self.delta += cluster.lots if buying else -cluster.lots
        if not self.trades:
            self.first_id, self.high, self.low = cluster.first_id, 0, cluster.prices[0][0]
            self.at_high = self.at_low = self.delta
        self.trades += cluster.trades
        self.last_id = cluster.last_id
        near, far = cluster.prices[0][0], cluster.prices[-1][0]
        if near > self.high or far > self.high:
            self.high, self.at_high = max(near, far), self.delta
        if near < self.low or far < self.low:
            self.low, self.at_low = min(near, far), self.delta
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Judge both ends of the minute, and begin the next."""
        told = list(self._judged(scene, start)) if self.trades else []
        self.bought, self.sold, self.delta, self.trades = {}, {}, 0, 0
        return told

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Begin the minute anew: rows of two grids are not the same rows."""
        del tick_factor, lot_factor
        return type(self)()

    def _judged(self, scene: Scene, start: int) -> Told:
        width = bar_row_ticks([(self.low, self.high)])
        rows = _rows(self.bought, self.sold, width)
        for side, at_extreme in ((Side.BUY, self.at_high), (Side.SELL, self.at_low)):
            if exhausted(rows, side, at_extreme, self.delta):
                edge = rows[-1] if side is Side.BUY else rows[0]
                yield self._signal(scene, start, side, (edge, at_extreme, width))

    def _signal(self, scene: Scene, start: int, side: Side, found: tuple[Row, int, int]) -> Signal:
        edge, at_extreme, width = found
        scale = scene.instrument.scale
        buying = side is Side.BUY
        return Signal(
            signal_id(SignalKind.EXHAUSTION, scene.subject, start, side.value),
            SignalKind.EXHAUSTION,
            scene.instrument,
            start,
            start + MINUTE,
            start + MINUTE,
            SignalState.RESOLVED,
            Severity.INFO,
            None,
            None,
            None,
            self.name,
            self.version,
            Evidence(self.first_id, self.last_id, self.trades),
            side,
            self.high - ROWS * width + 1 if buying else self.low,
            self.high if buying else self.low + ROWS * width - 1,
            edge.buy if buying else edge.sell,
            detail={
                "bar": "1m",
                "row_ticks": width,
                "rows": ROWS,
                "most_pct_of_largest_row": MOST_PCT,
                "delta": canonical(scale.size(self.delta)),
                "delta_at_extreme": canonical(scale.size(at_extreme)),
            },
        )


def _rows(bought: dict[int, int], sold: dict[int, int], width: int) -> list[Row]:
    """Return the traded rows, ascending; amounts and counts are not asked for."""
    lots: dict[int, list[int]] = {}
    for at, cells in enumerate((bought, sold)):
        for tick, size in cells.items():
            lots.setdefault(tick // width, [0, 0])[at] += size
    return [Row(row, lots[row][0], lots[row][1], 0, 0, 0, 0) for row in sorted(lots)]
