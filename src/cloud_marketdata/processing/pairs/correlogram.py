"""By how many milliseconds one series of steps follows another, from their cross-correlation.

Every step of one is multiplied with every step of the other within a second, and the products are
summed by the distance in time, on a grid of 1 ms. The sums are whole numbers: exact, in any order,
and mirrored to the digit when the two change places. They fade by a sixteenth a minute (half-life
11 min). Neighbouring lags are averaged by a triangle of 20 ms, because the answer of a market comes
with its next trade; that widens the peak and does not move it. A lag is told where its average
stands out from those more than 200 ms away. Steps on two sides of a minute's end are not compared.
"""

from math import sqrt
from typing import Final

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from cloud_marketdata.processing.pairs.path import Path

REACH_MS: Final = 1_000
WIDTH_MS: Final = 20
LEAST_Z: Final = 8.0
LEAST_STEPS: Final = 60
_AROUND_MS: Final = 200
_CHUNK: Final = 1_000_000
_LAGS: Final = 2 * REACH_MS + 1

Sums = NDArray[np.int64]


class Estimate(Struct, frozen=True):
    """What the sums say.

    lag: ms by which the second follows the first, negative where it leads; None where no lag stands
    out. correlation: share of the movement that is common within 5 ms of the best lag, from -1 to
    1. z: how far the best lag stands out, in standard deviations of the others. steps: how many of
    each went in, faded alike.
    """

    lag: int | None
    correlation: float | None
    z: float | None
    steps: tuple[int, int]


class Correlogram(Struct):
    """Sums of products by lag, from -1 s to 1 s, and of squares, both fading by the minute."""

    products: list[int] = field(default_factory=lambda: [0] * _LAGS)
    squares: tuple[int, int] = (0, 0)
    counts: tuple[int, int] = (0, 0)

    def add(self, first: Path, second: Path) -> None:
        """Take the steps of one minute, and let those of older ones fade."""
        sums = np.asarray(self.products, dtype=np.int64)
        # Shifting would round negative sums the other way than positive ones.
        sums = sums - np.sign(sums) * (np.abs(sums) >> 4)
        self.products = [int(one) for one in sums + lagged(first, second)]
        a, b = (sum(step * step for step in path.steps) for path in (first, second))
        self.squares = (_faded(self.squares[0]) + a, _faded(self.squares[1]) + b)
        self.counts = (
            _faded(self.counts[0]) + len(first.steps),
            _faded(self.counts[1]) + len(second.steps),
        )

    @property
    def full(self) -> bool:
        """Whether enough steps are inside to say anything."""
        return min(self.counts) >= LEAST_STEPS and min(self.squares) > 0

    def estimate(self) -> Estimate:
        """Return the lag that stands out, if one does."""
        if not self.full:
            return Estimate(None, None, None, self.counts)
        sums = np.asarray(self.products, dtype=np.int64)
        smooth = np.convolve(sums, _triangle(), mode="same")
        peaks = np.flatnonzero(smooth == smooth.max()) - REACH_MS
        nearest = np.abs(peaks).min()
        best = peaks[np.abs(peaks) == nearest]
        # Two lags that mirror each other say nothing of who leads.
        lag = int(best[0]) if len(best) == 1 else None
        at = int(nearest if lag is None else lag) + REACH_MS
        share = sum(self.products[max(0, at - WIDTH_MS) : at + WIDTH_MS + 1])
        correlation = share / sqrt(self.squares[0] * self.squares[1])
        correlation = max(-1.0, min(1.0, correlation))
        z = _standing_out(smooth.astype(np.float64), at)
        return Estimate(lag if z >= LEAST_Z else None, correlation, z, self.counts)


def lagged(first: Path, second: Path) -> Sums:
    """Return the sum of products for every lag from -1 s to 1 s."""
    a_times, a_steps = _sorted(first)
    b_times, b_steps = _sorted(second)
    low = np.searchsorted(b_times, a_times - REACH_MS, side="left")
    high = np.searchsorted(b_times, a_times + REACH_MS, side="right")
    sums = np.zeros(_LAGS, dtype=np.int64)
    begin = 0
    ends = np.cumsum(high - low)
    while begin < len(a_times):
        done = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, done + _CHUNK)))
        rows = slice(begin, end)
        lengths = high[rows] - low[rows]
        mine = np.repeat(np.arange(begin, min(end, len(a_times))), lengths)
        theirs = np.arange(len(mine)) - np.repeat(np.cumsum(lengths) - lengths - low[rows], lengths)
        lags = b_times[theirs] - a_times[mine] + REACH_MS
        # Below 2^53, so that the sums of the floats in there are whole and exact.
        products = (a_steps[mine] * b_steps[theirs]).astype(np.float64)
        sums += np.bincount(lags, weights=products, minlength=_LAGS).astype(np.int64)
        begin = end
    return sums


def _sorted(path: Path) -> tuple[Sums, Sums]:
    """Return times and steps by time; a correction of a clock may have turned neighbours round."""
    times = np.asarray(path.times, dtype=np.int64)
    order = np.argsort(times, kind="stable")
    return times[order], np.asarray(path.steps, dtype=np.int64)[order]


def _standing_out(smooth: NDArray[np.float64], at: int) -> float:
    rest = np.delete(smooth, slice(max(0, at - _AROUND_MS), at + _AROUND_MS + 1))
    spread = float(rest.std())
    return float((smooth[at] - rest.mean()) / spread) if spread else 0.0


def _triangle() -> Sums:
    rising = list(range(1, WIDTH_MS + 1))
    return np.asarray([*rising, WIDTH_MS + 1, *reversed(rising)], dtype=np.int64)


def _faded(total: int) -> int:
    return total - (total >> 4)
