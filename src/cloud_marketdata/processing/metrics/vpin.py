"""VPIN of equal-volume buckets, with the taker's true side instead of a guess (definitions 2.6).

Every trade fills buckets of V lots and is cut where one is full; VPIN is the sum of |buy - sell|
over the last 50 of them, divided by their volume. V is a fiftieth of a day's volume: that of the
UTC day before, or on the first day the pace of all that was seen so far, once ten minutes were. It
holds from the next bucket on, so buckets of two sizes may stand side by side, each with its weight.
Nothing is told before 50 buckets are full, which takes about a day.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Self

from msgspec import Struct, convert, field

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_S, Side, canonical
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told
from cloud_marketdata.processing.metrics.measures import Figure

BUCKETS: Final = 50
LEAST_SEEN: Final = 600 * NS_PER_S
METHOD: Final = (
    "exact taker side, 50 equal-volume buckets of a day's volume / 50; with exact sides VPIN "
    "behaves opposite to the bulk-classified original and adds nothing to volume and volatility "
    "(Andersen, Bondarenko 2013)"
)
_DAY: Final = 86_400 * NS_PER_S


class Sums(Struct, frozen=True):
    """A reading: lots out of balance, lots of all of the buckets, and of the next one."""

    imbalance: int
    lots: int
    bucket: int


class Vpin(Fold):
    """The running bucket, the full ones as (|buy - sell|, lots), and the volume V is made of.

    begun: when the running day began, or what was seen of it. `lots` is its volume, `size` is V.
    """

    name: ClassVar[str] = "vpin"

    size: int = 0
    room: int = 0
    buy: int = 0
    sell: int = 0
    full: list[tuple[int, int]] = field(default_factory=list)
    begun: int = 0
    lots: int = 0
    first_day: bool = True

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Fill the bucket, and as many more as the order is large."""
        del scene
        if not self.begun:
            self.begun = cluster.time
        lots = cluster.lots
        self.lots += lots
        if not self.size:
            return ()
        if cluster.side is Side.BUY:
            self.buy += lots
        else:
            self.sell += lots
        if self.buy + self.sell >= self.room:
            self._close(cluster.side)
        return ()

    def on_minute(self, scene: Scene, start: int) -> Told:
        """Take the volume of a day that is over, or of the first one so far, as the measure."""
        del scene
        end = start + 60 * NS_PER_S
        seen = end - self.begun
        over = end // _DAY > self.begun // _DAY
        if self.lots and seen >= LEAST_SEEN and (over or self.first_day):
            self.size = max(1, self.lots * _DAY // (seen * BUCKETS))
            self.room = self.room or self.size
        if self.begun and over:
            self.first_day = self.first_day and seen < LEAST_SEEN
            self.begun, self.lots = end, 0
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the sums over the last 50 full buckets; None while there are fewer."""
        del scene
        if self.warming:
            return None
        return {
            "imbalance": sum(off for off, _ in self.full),
            "lots": sum(lots for _, lots in self.full),
            "bucket": self.size,
        }

    @property
    def warming(self) -> bool:
        """Whether fewer than 50 buckets are full."""
        return len(self.full) < BUCKETS

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Count lots on the finer grid."""
        del tick_factor
        names = ("size", "room", "buy", "sell", "lots")
        moved = {name: getattr(self, name) * lot_factor for name in names}
        full = [(off * lot_factor, lots * lot_factor) for off, lots in self.full]
        return type(self)(full=full, begun=self.begun, first_day=self.first_day, **moved)

    def _close(self, side: Side) -> None:
        """Put away full buckets; what is over came with the last order, so it is of its side."""
        over = self.buy + self.sell - self.room
        buying = side is Side.BUY
        buy, sell = (self.buy - over, self.sell) if buying else (self.buy, self.sell - over)
        more, rest = divmod(over, self.size)
        # An order that fills more than all of them leaves 50 that look alike.
        self.full.append((abs(buy - sell), self.room))
        self.full += [(self.size, self.size)] * min(more, BUCKETS)
        del self.full[:-BUCKETS]
        self.room = self.size
        self.buy, self.sell = (rest, 0) if buying else (0, rest)


def merged(readings: Sequence[Reading]) -> Reading:
    """Return the last one: buckets span minutes, so VPIN is as of the end and never averaged."""
    return readings[-1]


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write VPIN from 0 (balanced) to 1 (one side only) as of the end, V, and what it is worth."""
    sums = convert(reading, Sums)
    return {
        "vpin": sums.imbalance / sums.lots,
        "vpin_bucket": canonical(scale.size(sums.bucket)),
        "vpin_method": METHOD,
    }
