"""The same growth of an interval as in `expansion`, for long ladders: all steps at once.

Two sides offer groups of rows, and the side whose next group is larger gives it. A group waits for
the smaller ones before it, so it is given when the least group up to it is: the order of giving is
the two sides' running minima merged, of equals the upper side first. A ladder whose sums are beyond
64 bits, or that is so sparse that its untraded rows would cost most, is refused with None.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_LIMIT: Final = 1 << 62
"""Of all lots; a sum and a target, which is at most as large, then fit 64 bits together."""
_SPAN: Final = 1 << 17

Column = npt.NDArray[np.int64]


class Dense:
    """Prefix sums over every row from the lowest to the highest traded one."""

    def __init__(self, rows: Sequence[int], sums: Sequence[int]) -> None:
        self._bottom = rows[0]
        self._rows = np.array(rows, dtype=np.int64)
        self._traded = np.array(sums, dtype=np.int64)
        lots = np.zeros(rows[-1] - rows[0] + 2, dtype=np.int64)
        lots[self._rows - self._bottom + 1] = np.diff(self._traded)
        self._sums = np.cumsum(lots)

    @classmethod
    def of(cls, rows: Sequence[int], sums: Sequence[int]) -> "Dense | None":
        """Return the ladder of ascending traded rows and the sums before each and after all."""
        if sums[-1] >= _LIMIT or rows[-1] - rows[0] >= _SPAN:
            return None
        return cls(rows, sums)

    def expand(self, start: int, target: int, step: int) -> tuple[int, int]:
        """Return the lowest and highest row of the interval that `expansion.expand` grows."""
        place, last = start - self._bottom, len(self._sums) - 2
        upper = self._groups(np.minimum(np.arange(place + 1, last + step + 1, step), last + 1))
        lower = -self._groups(np.maximum(np.arange(place, -step, -step), 0))
        minima = [np.minimum.accumulate(side) for side in (upper, lower)]
        order = np.argsort(-np.concatenate(minima), kind="stable")
        given = np.cumsum(np.concatenate([upper, lower])[order])
        inside = int(self._sums[place + 1] - self._sums[place])
        steps = int(np.searchsorted(given, target - inside)) + 1 if inside < target else 0
        above = int(np.count_nonzero(order[:steps] < len(upper)))
        below = min(steps, len(order)) - above
        high, low = min(last, place + above * step), max(0, place - below * step)
        return low + self._bottom, high + self._bottom

    def shortest(self, target: int) -> tuple[int, int] | None:
        """Return the interval that `expansion.shortest` finds, or None where all lots are fewer."""
        sums = self._traded
        if target > int(sums[-1]):
            return None
        last = np.searchsorted(sums, sums[:-1] + target) - 1
        first = np.flatnonzero(last < len(self._rows))
        last = last[first]
        width = self._rows[last] - self._rows[first]
        best = np.lexsort((first, sums[first] - sums[last + 1], width))[0]
        return int(self._rows[first[best]]), int(self._rows[last[best]])

    def _groups(self, edges: Column) -> Column:
        return np.diff(self._sums[edges])
