"""Durations by geometric buckets: each bound is 1.049 times the one before, from 100 µs to 63 s.

Whatever the true value is, the middle of its bucket is within 2.5 % of it; so is every quantile
here. PromQL interpolates from one bound to the next, and so is within 5 %. What is shorter than the
first bound counts there, what is longer than the last one has no bound.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

_FIRST_S: Final = 100e-6
_RATIO: Final = 1.049
_COUNT: Final = 280
_HALF: Final = math.sqrt(_RATIO)

BOUNDS: Final = tuple(float(f"{_FIRST_S * _RATIO**at:.5g}") for at in range(_COUNT))
"""Upper bounds in seconds, inclusive; five digits say each to a hundred-thousandth."""


class Histogram:
    """Counts by bucket, the last of which has no bound; `total` is the sum in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (_COUNT + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        """How often something was observed."""
        return sum(self.counts)

    def observe(self, seconds: float, times: int = 1) -> None:
        """Count a duration, `times` over where one stands for many; below zero it is zero."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(BOUNDS, seconds)] += times
        self.total += seconds * times

    def add(self, other: "Histogram") -> None:
        """Count all that the other one has counted."""
        self.counts = [ours + its for ours, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    def since(self, before: "Histogram") -> "Histogram":
        """Return what was observed after `before` was this one's copy."""
        found = Histogram()
        pairs = zip(self.counts, before.counts, strict=True)
        found.counts = [now - then for now, then in pairs]
        found.total = self.total - before.total
        return found

    def copy(self) -> "Histogram":
        """Return one that counts for itself from here on."""
        found = Histogram()
        found.counts, found.total = self.counts[:], self.total
        return found

    def quantile(self, share: float) -> float | None:
        """Return the duration that `share` (0 to 1) of all do not exceed; None without any."""
        wanted, seen = share * self.count, 0
        for at, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return _middle(at)
        return None


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return one with all that these have counted."""
    found = Histogram()
    for histogram in histograms:
        found.add(histogram)
    return found


def _middle(at: int) -> float:
    """Return the geometric middle of a bucket; of the last one its lower bound."""
    if at == _COUNT:
        return BOUNDS[-1]
    return BOUNDS[at] / _HALF
