"""A ladder of lots, smoothed: its plateaus from the lowest to the highest traded row, as columns.

The kernel's sums are 64-bit integers where all of them provably fit, and Python's own otherwise, so
nothing is ever rounded. A stretch that the kernel does not reach is one plateau, however wide.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt

KERNEL: Final = (1, 2, 3, 2, 1)
_REACH: Final = len(KERNEL) // 2
_LIMIT: Final = (1 << 63) // (2 * sum(KERNEL))
_SPAN: Final = 1 << 17
"""Rows up to which every one of them is looked at, traded or not."""

Column = npt.NDArray[np.int64] | npt.NDArray[np.object_]


class Plateau(NamedTuple):
    """Neighbouring rows of one smoothed volume."""

    first: int
    last: int
    lots: int

    @property
    def middle(self) -> int:
        """The middle row, the lower of two."""
        return (self.first + self.last) // 2


class Plateaus(NamedTuple):
    """Plateaus that touch each other, ascending; neighbours differ in their lots."""

    first: Column
    last: Column
    lots: Column

    def one(self, at: int) -> Plateau:
        """Return a plateau by its place."""
        return Plateau(int(self.first[at]), int(self.last[at]), int(self.lots[at]))

    def peaks(self) -> tuple[list[Plateau], list[int]]:
        """Return the local maxima, and the lowest lots between each and the next."""
        beside = np.concatenate([[-1], self.lots, [-1]])
        at = np.flatnonzero((self.lots > beside[:-2]) & (self.lots > beside[2:]))
        valleys = np.minimum.reduceat(self.lots, at)[:-1]
        columns = (column[at].tolist() for column in self)
        return list(map(Plateau, *columns)), valleys.tolist()

    def lowest(self, below: Plateau, above: Plateau) -> Plateau:
        """Return the lowest plateau between two that do not touch: the widest, then the first."""
        low, high = np.searchsorted(self.first, [below.last + 1, above.first])
        between = Plateaus(*(column[low:high] for column in self))
        at = np.flatnonzero(between.lots == between.lots.min())
        widths = between.last[at] - between.first[at]
        return between.one(int(at[int(np.argmax(widths))]))


def smoothed(traded: Mapping[int, int]) -> Plateaus:
    """Return the plateaus of lots by row; there must be a row, and each must have lots."""
    bottom, top = min(traded), max(traded)
    fits = max(-bottom, top, *traded.values()) < _LIMIT
    if fits and top - bottom < _SPAN:
        dense = np.zeros(top - bottom + 1, dtype=np.int64)
        rows = np.fromiter(traded.keys(), np.int64, len(traded))
        dense[rows - bottom] = np.fromiter(traded.values(), np.int64, len(traded))
        sums = np.convolve(dense, np.array(KERNEL))[_REACH:-_REACH]
        return _runs(np.arange(bottom, top + 1), sums)
    return _runs(*_reached(traded, np.int64 if fits else np.object_))


def _reached(
    traded: Mapping[int, int], kind: type[np.int64] | type[np.object_]
) -> tuple[Column, Column]:
    """Return the rows that the kernel reaches, ascending, and its sums there."""
    ascending = zip(*sorted(traded.items()), strict=True)
    rows, lots = (np.array(column, dtype=kind) for column in ascending)
    places = np.concatenate([rows + shift for shift in range(-_REACH, _REACH + 1)])
    weighted = np.concatenate([lots * weight for weight in KERNEL])
    inside = (places >= rows[0]) & (places <= rows[-1])
    known, index = np.unique(places[inside], return_inverse=True)
    sums = cast("Column", np.zeros(len(known), dtype=kind))
    np.add.at(sums, index, weighted[inside])
    return known, sums


def _runs(known: Column, sums: Column) -> Plateaus:
    apart = np.diff(known) > 1
    ends = np.flatnonzero(apart | (np.diff(sums) != 0))
    holes = np.flatnonzero(apart)
    first = np.concatenate([known[:1], known[ends + 1], known[holes] + 1])
    last = np.concatenate([known[ends], known[-1:], known[holes + 1] - 1])
    lots = np.concatenate([sums[:1], sums[ends + 1], sums[holes] * 0])
    order = np.argsort(first)
    return Plateaus(first[order], last[order], lots[order])
