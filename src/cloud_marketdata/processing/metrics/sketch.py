"""Quantiles of positive whole numbers within one percent, in a form that merges exactly.

A value belongs into the bin `ceil(log(value) / log(1.01 / 0.99))`, and a bin is told as one number
that is at most one percent away from all that it holds (Masson, Rim, Lee: DDSketch, 2019). Counts
by bin are added, so that the sketch of a union is the sum of the sketches, in any order; a bin more
is needed for every two percent of range, which a market's sizes do not make many.
Refused: a value of 0 or less, which has no logarithm.
"""

from bisect import bisect_right
from itertools import accumulate
from math import ceil, log
from typing import Final

from msgspec import Struct, field

ACCURACY: Final = 0.01
_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)
_PER_BIN: Final = 1 / log(_GAMMA)
_HOUR: Final = 3_600_000_000_000


class Sketch(Struct):
    """How many values fell into each bin; `bins` is all of its state."""

    bins: dict[int, int] = {}

    @property
    def count(self) -> int:
        """How many values are inside."""
        return sum(self.bins.values())

    def add(self, value: int) -> None:
        """Take a value; raises ValueError where it is not above 0."""
        key = ceil(log(value) * _PER_BIN)
        self.bins[key] = self.bins.get(key, 0) + 1

    def merge(self, other: "Sketch") -> None:
        """Take all that `other` holds."""
        bins = self.bins
        for key, count in other.bins.items():
            bins[key] = bins.get(key, 0) + count

    def quantile(self, share: float) -> int | None:
        """Return the value of which `share` of all are not above it; None where nothing is inside.

        It is within one percent of the value with the index `floor(share * (count - 1))` in
        ascending order, and then the nearest whole number to that.
        """
        found = self.quantiles((share,))
        return found[0] if found else None

    def quantiles(self, shares: tuple[float, ...]) -> list[int]:
        """Return several of them, each from 0 to 1, with one look; none where nothing is inside."""
        keys = sorted(self.bins)
        sums = list(accumulate(self.bins[key] for key in keys))
        if not sums:
            return []
        ranks = [int(share * (sums[-1] - 1)) for share in shares]
        return [_middle(keys[bisect_right(sums, rank)]) for rank in ranks]

    def above(self, value: int) -> int:
        """Count the values of higher bins than that of `value`."""
        edge = ceil(log(value) * _PER_BIN)
        return sum(count for key, count in self.bins.items() if key > edge)

    def rescaled(self, factor: int) -> "Sketch":
        """Return the sketch of all values times `factor`, moved by whole bins.

        That costs up to half a bin, one percent, of accuracy; it is for a change of grid.
        """
        shift = round(log(factor) * _PER_BIN)
        return Sketch({key + shift: count for key, count in self.bins.items()})


class RollingSketch(Struct):
    """The sketch of the last hours by event time, which forgets one whole hour at a time.

    hours: how many are kept, the one that is running included. `over` holds those that ended, by
    their number since the epoch, and `past` is their sum. What comes late counts as of now.
    """

    hours: int = 24
    over: dict[int, Sketch] = {}
    past: Sketch = field(default_factory=Sketch)
    current: Sketch = field(default_factory=Sketch)
    ends: int = 0

    def add(self, time: int, value: int) -> None:
        """Take a value at `time` ns; raises ValueError where it is not above 0."""
        if time >= self.ends:
            self._turn(time // _HOUR)
        key = ceil(log(value) * _PER_BIN)
        bins = self.current.bins
        bins[key] = bins.get(key, 0) + 1

    @property
    def count(self) -> int:
        """How many values are inside."""
        return self.past.count + self.current.count

    def whole(self) -> Sketch:
        """Return everything that is inside as one sketch; it costs some microseconds per bin."""
        total = Sketch(dict(self.past.bins))
        total.merge(self.current)
        return total

    def rescaled(self, factor: int) -> "RollingSketch":
        """Return the same of all values times `factor`; see `Sketch.rescaled`."""
        over = {hour: sketch.rescaled(factor) for hour, sketch in self.over.items()}
        past, current = self.past.rescaled(factor), self.current.rescaled(factor)
        return RollingSketch(self.hours, over, past, current, self.ends)

    def _turn(self, hour: int) -> None:
        """Begin a new hour, and let go of what is too old."""
        if self.current.bins:
            self.over[self.ends // _HOUR - 1] = self.current
        self.current, self.ends = Sketch(), (hour + 1) * _HOUR
        self.over = {old: kept for old, kept in self.over.items() if old > hour - self.hours}
        self.past = Sketch()
        for kept in self.over.values():
            self.past.merge(kept)


def _middle(key: int) -> int:
    """Return the whole number that stands for a bin."""
    return round(2 * _GAMMA**key / (_GAMMA + 1))
