"""Taker orders as large as one in a thousand of the last day (definitions 2.5).

An order is a cluster, not a fill, and its amount in quote currency is held against the 99.9 %
quantile of the 24 hours before, by a sketch of one percent that is looked at once a minute. Each is
told once and is over. By definition one order in a thousand is one: that is a size, not a fault.
Nothing is told before a thousand orders were seen, of which the quantile would be the largest.
"""

from decimal import Decimal
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
from cloud_marketdata.domain.values import canonical
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told
from cloud_marketdata.processing.metrics.sketch import RollingSketch

SHARE: Final = 0.999
LEAST_ORDERS: Final = 1_000


class LargeTrade(Fold):
    """Amounts of the last day in ticks x lots, and what is large in the running minute.

    floor: quote currency below which nothing is large; a class of its own may set another one.
    usual: the median of the same orders. orders: how many they were.
    """

    name: ClassVar[str] = "large_trade"
    floor: ClassVar[Decimal] = Decimal(0)

    amounts: RollingSketch = field(default_factory=RollingSketch)
    large: int = 0
    usual: int = 0
    orders: int = 0

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Tell an order that is large; it counts for the next ones."""
        quote = cluster.quote
        self.amounts.add(cluster.time, quote)
        if not self.large or quote < self.large:
            return ()
        if scene.instrument.scale.quote(quote) < self.floor:
            return ()
        return (self._signal(scene, cluster),)

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Take the quantiles of the last day."""
        del scene, start
        whole = self.amounts.whole()
        self.orders = whole.count
        if self.warming:
            self.large = 0
        else:
            self.usual, self.large = whole.quantiles((0.5, SHARE))
        return ()

    @property
    def warming(self) -> bool:
        """Whether fewer than a thousand orders were seen."""
        return self.orders < LEAST_ORDERS

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Count amounts on the finer grid."""
        factor = tick_factor * lot_factor
        amounts = self.amounts.rescaled(factor)
        return type(self)(amounts, self.large * factor, self.usual * factor, self.orders)

    def _signal(self, scene: Scene, cluster: Cluster) -> Signal:
        scale = scene.instrument.scale
        return Signal(
            signal_id(SignalKind.LARGE_TRADE, scene.subject, cluster.time, cluster.first_id),
            SignalKind.LARGE_TRADE,
            scene.instrument,
            cluster.time,
            cluster.time,
            cluster.time,
            SignalState.RESOLVED,
            Severity.INFO,
            cluster.quote / self.large,
            1.0,
            self.usual / self.large,
            self.name,
            self.version,
            Evidence(cluster.first_id, cluster.last_id, cluster.trades),
            cluster.side,
            cluster.low,
            cluster.high,
            cluster.lots,
            detail={
                "statistic": "amount / quantile of the last 24 h",
                "amount": canonical(scale.quote(cluster.quote)),
                "quantile": canonical(scale.quote(self.large)),
                "share": SHARE,
                "floor": canonical(self.floor),
                "orders": self.orders,
                "prices": len(cluster.prices),
                "rpi": canonical(scale.size(cluster.rpi)),
            },
        )
