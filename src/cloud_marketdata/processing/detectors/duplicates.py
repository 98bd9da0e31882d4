"""The same trade twice in the log, which must never be: a check of our own collectors.

What a venue repeats never reaches the log. The collectors drop it and count it, and `/health` shows
the count: with two connections a stream, and while one relieves another, repeats are the rule and
no anomaly. What can be seen here is a repeat that slipped through. Where ids grow by one it cannot
hide: equal trades have equal match times, so both lie in one taker order, which then holds more
trades than ids. Elsewhere ids prove nothing and this stays silent.
"""

from typing import ClassVar, Final

from cloud_marketdata.domain.signal import (
    Evidence,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    signal_id,
)
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told

AFFECTS: Final = ("volume", "delta", "cvd", "profile", "footprint", "bars")


class Duplicates(Fold):
    """Tells of taker orders with more trades than ids."""

    name: ClassVar[str] = "duplicates"

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Count the trades of an order against its ids."""
        first, last = cluster.first_id, cluster.last_id
        if not isinstance(first, int) or not isinstance(last, int):
            return ()
        repeats = cluster.trades - (last - first + 1)
        return (_signal(scene, cluster, repeats),) if repeats > 0 else ()


def _signal(scene: Scene, cluster: Cluster, repeats: int) -> Signal:
    return Signal(
        signal_id(SignalKind.DUPLICATES, scene.subject, cluster.time, cluster.first_id),
        SignalKind.DUPLICATES,
        scene.instrument,
        cluster.time,
        cluster.time,
        cluster.time,
        SignalState.RESOLVED,
        Severity.CRITICAL,
        float(repeats),
        0.0,
        None,
        Duplicates.name,
        Duplicates.version,
        evidence=Evidence(cluster.first_id, cluster.last_id, cluster.trades),
        side=cluster.side,
        affects=AFFECTS,
        detail={"repeats": repeats},
    )
