"""How large taker orders are: quantiles of their quote amounts, by a sketch of one percent.

Orders, not fills: one order is three to four fills, and the size of a fill says more about who was
resting than about who came. Sketches of minutes add up to that of the bar.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Self

from msgspec import Struct, convert, field
from msgspec.structs import asdict

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import canonical
from cloud_marketdata.processing.flow.moments import Cluster, Fold, Scene, Told
from cloud_marketdata.processing.metrics.measures import Figure
from cloud_marketdata.processing.metrics.sketch import Sketch

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


class Sizes(Struct, frozen=True):
    """A reading: the sketch as bins, ascending, and counts; ticks x lots of all and the largest."""

    bins: list[int]
    counts: list[int]
    quote: int
    largest: int

    @property
    def sketch(self) -> Sketch:
        """The sketch that was written down."""
        return Sketch(dict(zip(self.bins, self.counts, strict=True)))


class ClusterSizes(Fold):
    """The sketch of the running minute's amounts in ticks x lots, their sum and the largest."""

    name: ClassVar[str] = "cluster_sizes"

    sketch: Sketch = field(default_factory=Sketch)
    quote: int = 0
    largest: int = 0

    def on_cluster(self, scene: Scene, cluster: Cluster) -> Told:
        """Count the order by its amount."""
        del scene
        quote = cluster.quote
        self.sketch.add(quote)
        self.quote += quote
        if quote > self.largest:
            self.largest = quote
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the minute's bins and counts, ascending; None without an order."""
        del scene
        told = _reading(self.sketch, self.quote, self.largest) if self.quote else None
        self.sketch, self.quote, self.largest = Sketch(), 0, 0
        return told

    def rescaled(self, tick_factor: int, lot_factor: int) -> Self:
        """Count amounts on the finer grid."""
        factor = tick_factor * lot_factor
        moved = self.sketch.rescaled(factor)
        return type(self)(moved, self.quote * factor, self.largest * factor)


def merged(readings: Sequence[Reading]) -> Reading:
    """Add up the sketches; the largest is the largest of all."""
    total, quote, largest = Sketch(), 0, 0
    for reading in readings:
        sizes = convert(reading, Sizes)
        total.merge(sizes.sketch)
        quote += sizes.quote
        largest = max(largest, sizes.largest)
    return _reading(total, quote, largest)


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write orders, mean and quantiles of their amounts in quote currency; the largest is exact."""
    sizes = convert(reading, Sizes)
    sketch = sizes.sketch
    orders = sketch.count
    told: dict[str, Figure] = {
        "cluster_count": orders,
        "cluster_quote_mean": canonical(scale.quote(sizes.quote // orders)),
        "cluster_quote_max": canonical(scale.quote(sizes.largest)),
    }
    quantiles = sketch.quantiles(tuple(SHARES.values()))
    for share, quote in zip(SHARES, quantiles, strict=True):
        told[f"cluster_quote_{share}"] = canonical(scale.quote(quote))
    return told


def _reading(sketch: Sketch, quote: int, largest: int) -> Reading:
    bins = sorted(sketch.bins)
    return asdict(Sizes(bins, [sketch.bins[key] for key in bins], quote, largest))
