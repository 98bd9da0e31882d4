"""Amihud's illiquidity: how far the price moves per quote volume, whoever paid it.

For every minute with trades it is |log(close / close before)| divided by the quote volume, and a
bar has the mean over its minutes, in bp per million of quote currency: times 10^4 and 10^6, while
Amihud's own is a plain return. A minute without trades has none and counts for nothing; the first
minute that was seen has no close before it and takes its open.
"""

from collections.abc import Mapping, Sequence
from math import log
from typing import ClassVar, Final

from msgspec import Struct, convert
from msgspec.structs import asdict

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.processing.flow.moments import Fold, Scene, Second, Told
from cloud_marketdata.processing.metrics.measures import Figure

# Ratios are told as whole numbers, so that sums are exact and do not depend on their order.
_PARTS: Final = 1_000_000
_PER_MILLION_BP: Final = 10_000 * 1_000_000
_MOST: Final = 1 << 53


class Ratios(Struct, frozen=True):
    """A reading: the sum of ratios in millionths of a bp per million, and of how many minutes."""

    ratios: int
    minutes: int


class Amihud(Fold):
    """The minute's quote volume in ticks x lots, its last price, and the close before it."""

    name: ClassVar[str] = "amihud"

    before: int = 0
    last: int = 0
    quote: int = 0

    def on_second(self, scene: Scene, second: Second) -> Told:
        """Take what was traded."""
        del scene
        if second.close is not None and second.open is not None:
            self.before = self.before or second.open
            self.last = second.close
            self.quote += second.buy_quote + second.sell_quote
        return ()

    def reading(self, scene: Scene) -> Reading | None:
        """Return the minute's ratio; None without volume."""
        quote, self.quote = self.quote, 0
        if not quote:
            return None
        moved = abs(log(self.last / self.before))
        self.before = self.last
        ratio = moved * _PER_MILLION_BP / (quote * float(scene.instrument.scale.quote(1)))
        return asdict(Ratios(min(round(ratio * _PARTS), _MOST), 1))


def merged(readings: Sequence[Reading]) -> Reading:
    """Add up ratios and minutes."""
    each = [convert(reading, Ratios) for reading in readings]
    return asdict(Ratios(sum(r.ratios for r in each), sum(r.minutes for r in each)))


def described(reading: Reading, scale: Scale) -> Mapping[str, Figure]:
    """Write the mean of the minutes with volume, in bp per million of quote currency."""
    del scale
    told = convert(reading, Ratios)
    mean = told.ratios / told.minutes / _PARTS
    return {"amihud_bp_per_million": mean, "amihud_minutes": told.minutes}
