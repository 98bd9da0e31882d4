"""A profile's rows as columns of 64-bit integers: many rows are summed at once, and exactly.

Nothing here may overflow: a sum is made only where a bound computed with Python's own integers
proves that it fits. Where it might not, the answer is None and the caller sums row by row.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_LIMIT: Final = 1 << 63
_SPARSE: Final = 16
"""A span of rows this many times longer than its rows are many is united by sorting."""
_SPAN: Final = 1 << 20

_WIDTH: Final = 7

Table = npt.NDArray[np.int64]
Column = npt.NDArray[np.int64]


class Columns:
    """Seven columns: ascending distinct rows, then their six cells; no row is all zeros.

    peak: no cell is farther from zero.
    """

    __slots__ = ("peak", "table")

    def __init__(self, table: Table, peak: int) -> None:
        self.table = table
        self.peak = peak

    @classmethod
    def of(cls, columns: Sequence[Sequence[int]]) -> "Columns | None":
        """Return seven columns of ascending distinct rows, or None where one is beyond 64 bits."""
        try:
            table = np.array(columns, dtype=np.int64)
        except OverflowError:
            return None
        return cls.kept(table)

    @classmethod
    def of_cells(cls, cells: Mapping[int, Sequence[int]]) -> "Columns | None":
        """Return the rows of a mapping, or None where one is beyond 64 bits."""
        rows = sorted(cells)
        return cls.of([rows, *zip(*(cells[row] for row in rows), strict=True)]) if rows else _EMPTY

    @classmethod
    def kept(cls, table: Table) -> "Columns":
        """Return columns of ascending distinct rows, without those that are all zeros."""
        used = table[1:].any(axis=0)
        kept = table if used.all() else table[:, used]
        return cls(kept, _peak(kept))

    def __len__(self) -> int:
        return int(self.table.shape[1])

    @property
    def bounds(self) -> tuple[int, int]:
        """Lowest and highest row; there must be one."""
        return int(self.table[0, 0]), int(self.table[0, -1])

    def cells(self) -> dict[int, list[int]]:
        """Return the rows as Python's own integers."""
        rows, *cells = self.table.tolist()
        return dict(zip(rows, map(list, zip(*cells, strict=True)), strict=True))

    def coarsened(self, factor: int) -> "Columns | None":
        """Return rows `factor` times as wide, or None where a sum could overflow."""
        if self.peak * min(factor, max(1, len(self))) >= _LIMIT:
            return None
        if not len(self):
            return self
        rows = self.table[0] // factor
        first = np.concatenate(([0], np.flatnonzero(np.diff(rows)) + 1))
        cells = np.add.reduceat(self.table[1:], first, axis=1)
        return self.kept(np.concatenate([rows[first][None, :], cells]))


def summed(parts: Sequence[Columns]) -> Columns | None:
    """Return the sum of profiles on one grid, or None where a cell of it could overflow."""
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:  # noqa: PLR2004 - one profile is its own sum
        return parts[0] if parts else _EMPTY
    if sum(part.peak for part in parts) >= _LIMIT:
        return None
    rows, places = _united([part.table[0] for part in parts])
    total = np.zeros((_WIDTH, len(rows)), dtype=np.int64)
    total[0] = rows
    for part, place in zip(parts, places, strict=True):
        # A part names each row once, so no addition overwrites another one.
        for column, cells in zip(total[1:], part.table[1:], strict=True):
            column[place] += cells
    return Columns.kept(total)


def _united(parts: Sequence[Column]) -> tuple[Column, Iterator[Column]]:
    """Return the distinct rows of all parts, ascending, and where each part's rows are in them."""
    low = min(int(rows[0]) for rows in parts)
    span = max(int(rows[-1]) for rows in parts) - low + 1
    if span > max(_SPAN, _SPARSE * sum(map(len, parts))):
        every = np.unique(np.concatenate(parts))
        return every, (np.searchsorted(every, rows) for rows in parts)
    seen = np.zeros(span, dtype=np.bool_)
    for rows in parts:
        seen[rows - low] = True
    rank = np.cumsum(seen)
    return np.flatnonzero(seen) + low, (rank[rows - low] - 1 for rows in parts)


def _peak(table: Table) -> int:
    if not table.shape[1]:
        return 0
    # The most negative integer has no positive twin, so its distance is taken by Python.
    return max(abs(int(table[1:].max())), abs(int(table[1:].min())))


_EMPTY: Final = Columns(np.zeros((_WIDTH, 0), dtype=np.int64), 0)
