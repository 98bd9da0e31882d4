"""One taker order that goes through the book (definitions 2.5).

It takes at least five distinct prices, or it goes at least two rows beyond the touch and its amount
is at least the 99 % quantile of the last 24 hours. A row is half a bp of the price, at least one
tick; the touch is that strictly before the order, or its first price where no book is believed.
Each is told once and is over; those above the quantile as a warning, the others as information.
The rule of five prices needs no baseline; the other one waits for a thousand orders.
"""

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
from cloud_marketdata.domain.values import Side, canonical
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told
from cloud_marketdata.processing.metrics.sketch import RollingSketch

PRICES: Final = 5
ROWS: Final = 2
SHARE: Final = 0.99
LEAST_ORDERS: Final = 1_000
_ROWS_PER_PRICE: Final = 20_000  # a row is half a bp


class Sweep(Fold):
    """Amounts of the last day in ticks x lots, and their 99 % quantile of the running minute."""

    name: ClassVar[str] = "sweep"

    amounts: RollingSketch = field(default_factory=RollingSketch)
    large: int = 0
    orders: int = 0

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Tell an order that went through the book; it counts for the next ones."""
        quote = cluster.quote
        self.amounts.add(cluster.time, quote)
        prices = len(cluster.prices)
        if prices == 1:
            return ()
        large = 0 < self.large <= quote
        if prices < PRICES and not (large and _rows(scene, cluster) >= ROWS):
            return ()
        return (self._signal(scene, cluster, Severity.WARN if large else Severity.INFO),)

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Take the quantile of the last day."""
        del scene, start
        whole = self.amounts.whole()
        self.orders = whole.count
        self.large = 0 if self.warming else whole.quantiles((SHARE,))[0]
        return ()

    @property
    def warming(self) -> bool:
        """Whether fewer than a thousand orders were seen, so that the second rule waits."""
        return self.orders < LEAST_ORDERS

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Count amounts on the finer grid."""
        factor = tick_factor * lot_factor
        return type(self)(self.amounts.rescaled(factor), self.large * factor, self.orders)

    def _signal(self, scene: Scene, cluster: Cluster, severity: Severity) -> Signal:
        scale = scene.instrument.scale
        return Signal(
            signal_id(SignalKind.SWEEP, scene.subject, cluster.time, cluster.first_id),
            SignalKind.SWEEP,
            scene.instrument,
            cluster.time,
            cluster.time,
            cluster.time,
            SignalState.RESOLVED,
            severity,
            float(len(cluster.prices)),
            float(PRICES),
            1.0,
            self.name,
            self.version,
            Evidence(cluster.first_id, cluster.last_id, cluster.trades),
            cluster.side,
            cluster.low,
            cluster.high,
            cluster.lots,
            detail={
                "statistic": "distinct prices",
                "rows_beyond_touch": _rows(scene, cluster),
                "least_rows": ROWS,
                "row_bp": 0.5,
                "amount": canonical(scale.quote(cluster.quote)),
                "quantile": canonical(scale.quote(self.large)),
                "share": SHARE,
                "orders": self.orders,
            },
        )


def _rows(scene: Scene, cluster: Cluster) -> int:
    """How many whole rows the order's last price lies beyond the touch that it met."""
    buying, touch = cluster.side is Side.BUY, scene.before
    far = cluster.high if buying else cluster.low
    if touch is None:
        near = cluster.low if buying else cluster.high
    else:
        near = touch.ask if buying else touch.bid
    return abs(far - near) // max(1, near // _ROWS_PER_PRICE)
