"""The way of delta through a minute: where it ended, and how far it had been to either side.

Inside a taker order delta moves one way, so its extremes lie at the ends of orders and are exact.
Parts merge in their order and in no other: see definitions 1.7.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import Side, canonical
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told
from cloud_marketdata.processing.metrics.measures import Figure


class DeltaPath(Fold):
    """Buying less selling since the minute began, in lots; 0 before its first trade."""

    name: ClassVar[str] = "delta_path"
    delta: int = 0
    least: int = 0
    most: int = 0
    buys: int = 0
    sells: int = 0
    trades: int = 0
    first_id: int | str | None = None
    last_id: int | str | None = None

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """See Fold."""
        del scene
        if cluster.side is Side.BUY:
            self.delta += cluster.lots
            self.buys += 1
            self.most = max(self.most, self.delta)
        else:
            self.delta -= cluster.lots
            self.sells += 1
            self.least = min(self.least, self.delta)
        if not self.trades:
            self.first_id = cluster.first_id
        self.last_id = cluster.last_id
        self.trades += cluster.trades
        return ()

    def reading(self, scene: Scene) -> Reading:
        """Return the minute's figures and begin at 0; a minute without a trade has them too."""
        del scene
        told: Reading = {
            "delta": self.delta,
            "min_delta": self.least,
            "max_delta": self.most,
            "clusters": self.buys + self.sells,
            "buy_clusters": self.buys,
            "sell_clusters": self.sells,
            "trades": self.trades,
            "first_id": self.first_id,
            "last_id": self.last_id,
        }
        self.delta = self.least = self.most = self.buys = self.sells = self.trades = 0
        self.first_id = self.last_id = None
        return told

    def rescaled(self, tick_factor: int, lot_factor: int) -> "DeltaPath":
        """See Fold."""
        del tick_factor
        return DeltaPath(
            self.delta * lot_factor,
            self.least * lot_factor,
            self.most * lot_factor,
            self.buys,
            self.sells,
            self.trades,
            self.first_id,
            self.last_id,
        )


_SUMS = ("clusters", "buy_clusters", "sell_clusters", "trades")


def merged(readings: Sequence[Reading]) -> Reading:
    """Return the path through all the minutes, which follow one another; see Measure."""
    delta = least = most = 0
    for reading in readings:
        least = min(least, delta + _count(reading, "min_delta"))
        most = max(most, delta + _count(reading, "max_delta"))
        delta += _count(reading, "delta")
    sums: Reading = {name: sum(_count(one, name) for one in readings) for name in _SUMS}
    firsts = [one["first_id"] for one in readings if one["first_id"] is not None]
    lasts = [one["last_id"] for one in readings if one["last_id"] is not None]
    return {
        "delta": delta,
        "min_delta": least,
        "max_delta": most,
        **sums,
        "first_id": firsts[0] if firsts else None,
        "last_id": lasts[-1] if lasts else None,
    }


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write the sizes as decimals; see Measure."""
    sizes: dict[str, Figure] = {
        name: _size(_count(reading, name), scale) for name in ("delta", "min_delta", "max_delta")
    }
    return {**reading, **sizes}


def _size(lots: int, scale: Scale) -> str:
    return canonical(scale.size(lots))


def _count(reading: Reading, name: str) -> int:
    value = reading[name]
    assert isinstance(value, int), "a count of lots, orders or trades"
    return value
