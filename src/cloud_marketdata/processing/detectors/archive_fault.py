"""Fields of the tape that do not vary for a whole hour, and so cannot be true (definitions 4.1).

Checked per UTC hour with at least 100 taker orders: all of one side; all of one size; all on whole
seconds, which is what a clipped time stamp looks like; all at one price while the quoted mid moved
by more than a tick. Each has been seen in published archives. A quantity of zero cannot come this
far, the collectors reject it. The hour that was seen from its middle on counts as it is.
"""

from collections.abc import Iterator
from typing import ClassVar, Final, Self

from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Second, Told

HOUR: Final = 3_600 * NS_PER_S
MINUTE: Final = 60 * NS_PER_S
LEAST_ORDERS: Final = 100
_AFFECTS: Final = {
    "one_side": ("delta", "cvd", "footprint", "taker_buy_volume"),
    "one_size": ("volume", "delta", "cvd", "profile"),
    "whole_seconds": ("bars", "footprint"),
    "one_price": ("bars", "profile"),
}


class ArchiveFault(Fold):
    """What has been the same in every order of the running hour; None and False where it varied.

    lowest and highest are twice the mid at the ends of seconds. Once everything has varied nothing
    more is looked at, and that is after a few orders of any healthy hour.
    """

    name: ClassVar[str] = "archive_fault"

    orders: int = 0
    trades: int = 0
    first_id: int | str | None = None
    last_id: int | str | None = None
    side: Side | None = None
    size: int | None = None
    price: int | None = None
    whole_seconds: bool = True
    lowest: int = 0
    highest: int = 0
    healthy: bool = False

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Compare the order with those before it in its hour."""
        del scene
        if self.healthy:
            return ()
        if not self.orders:
            self.side, self.size, self.price = cluster.side, cluster.lots, cluster.prices[0][0]
            self.first_id = cluster.first_id
        self.orders += 1
        self.trades += cluster.trades
        self.last_id = cluster.last_id
        if cluster.side is not self.side:
            self.side = None
        if cluster.lots != self.size:
            self.size = None
        if len(cluster.prices) > 1 or cluster.prices[0][0] != self.price:
            self.price = None
        self.whole_seconds = self.whole_seconds and cluster.time % NS_PER_S == 0
        varied = self.side is None and self.size is None and self.price is None
        self.healthy = varied and not self.whole_seconds
        return ()

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Note how far the mid has been."""
        del scene
        if not self.healthy and second.quote_after is not None:
            twice = second.quote_after.twice_mid
            self.lowest = min(self.lowest or twice, twice)
            self.highest = max(self.highest, twice)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Judge the hour where it is over, and begin the next."""
        if (start + MINUTE) % HOUR:
            return ()
        hour = start + MINUTE - HOUR
        told = [] if self.healthy else [self._signal(scene, hour, name) for name in self._faults()]
        fresh = type(self)()
        for name in self.__struct_fields__:
            setattr(self, name, getattr(fresh, name))
        return told

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Begin the hour anew."""
        del tick_factor, lot_factor
        return type(self)()

    def _faults(self) -> Iterator[str]:
        if self.orders < LEAST_ORDERS:
            return
        if self.side is not None:
            yield "one_side"
        if self.size is not None:
            yield "one_size"
        if self.whole_seconds:
            yield "whole_seconds"
        # More than a tick of the mid is more than two of twice the mid.
        if self.price is not None and self.highest - self.lowest > 2:  # noqa: PLR2004 - see above
            yield "one_price"

    def _signal(self, scene: Scene, hour: int, fault: str) -> Signal:
        return Signal(
            signal_id(SignalKind.ARCHIVE_FAULT, scene.subject, hour, fault),
            SignalKind.ARCHIVE_FAULT,
            scene.instrument,
            hour,
            hour + HOUR,
            hour + HOUR,
            SignalState.RESOLVED,
            Severity.WARN,
            float(self.orders),
            float(LEAST_ORDERS),
            None,
            self.name,
            self.version,
            Evidence(self.first_id, self.last_id, self.trades),
            self.side if fault == "one_side" else None,
            affects=_AFFECTS[fault],
            detail={"statistic": "orders that are all alike", "fault": fault},
        )
