"""Growing an interval of rows over a ladder until it holds enough lots.

The ladder is dense, but only its traded rows are stored: a run of untraded rows is crossed in one
move, to the very row that step after step would have reached.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple

from cloud_marketdata.processing.metrics.dense import Dense

_MANY: Final = 100
"""Traded rows from which on all steps at once are cheaper than one after the other."""


class Span(NamedTuple):
    """Lowest and highest row of an interval, both inside."""

    low: int
    high: int


class Ladder:
    """Lots by traded row, with prefix sums for the lots of any interval.

    The totals are not copied, so they must stay as they are.
    """

    def __init__(self, totals: Mapping[int, int]) -> None:
        every = all(totals.values())
        self.lots = totals if every else {row: lots for row, lots in totals.items() if lots}
        self.rows = sorted(self.lots)
        self.sums = [0, *accumulate(map(self.lots.__getitem__, self.rows))]

    @cached_property
    def dense(self) -> Dense | None:
        """Return the same for steps all at once, where that can be and is worth it."""
        return Dense.of(self.rows, self.sums) if len(self.rows) > _MANY else None

    @cached_property
    def control(self) -> int:
        """The row with most lots; of equals the one nearest the middle, then the lower.

        The rule looks at the state alone, so halves merged in any order give the same row.
        """
        twice_middle = self.rows[0] + self.rows[-1]
        most = max(self.lots.values())
        equal = (row for row, lots in self.lots.items() if lots == most)
        return min(equal, key=lambda row: (abs(2 * row - twice_middle), row))

    @cached_property
    def ranks(self) -> "Ladder":
        """The same lots without the untraded rows: rows are numbered from 0."""
        return Ladder(dict(enumerate(map(self.lots.__getitem__, self.rows))))

    @property
    def total(self) -> int:
        """Lots in all rows."""
        return self.sums[-1]

    def between(self, low: int, high: int) -> int:
        """Lots in rows `low` to `high`, both inside."""
        return self.sums[bisect_right(self.rows, high)] - self.sums[bisect_left(self.rows, low)]

    def next_above(self, row: int) -> int:
        """Nearest traded row above, which must exist."""
        return self.rows[bisect_right(self.rows, row)]

    def next_below(self, row: int) -> int:
        """Nearest traded row below, which must exist."""
        return self.rows[bisect_left(self.rows, row) - 1]


def expand(ladder: Ladder, start: int, target: int, step: int) -> Span:
    """Add `step` rows at a time to the side that holds more, the upper one where both are equal.

    Stops as soon as `target` lots are reached or the ladder ends; groups are clipped at its ends.
    """
    if ladder.dense is not None:
        return Span(*ladder.dense.expand(start, target, step))
    bottom, top = ladder.rows[0], ladder.rows[-1]
    low = high = start
    inside = ladder.lots[start]
    upper, lower = _upper(ladder, high, step), _lower(ladder, low, step)
    while inside < target and (low > bottom or high < top):
        if upper >= lower:
            # Where both sides are empty the upper one keeps winning up to its next traded group.
            empty = 0 if upper else (ladder.next_above(high) - high - 1) // step
            high = min(top, high + step * max(1, empty))
            inside, upper = inside + upper, _upper(ladder, high, step)
        else:
            empty = 0 if lower else (low - ladder.next_below(low) - 1) // step
            low = max(bottom, low - step * max(1, empty))
            inside, lower = inside + lower, _lower(ladder, low, step)
    return Span(low, high)


def _upper(ladder: Ladder, row: int, step: int) -> int:
    """Lots of the next group above, or -1 at the top of the ladder."""
    return ladder.between(row + 1, row + step) if row < ladder.rows[-1] else -1


def _lower(ladder: Ladder, row: int, step: int) -> int:
    """Lots of the next group below, or -1 at the bottom of the ladder."""
    return ladder.between(row - step, row - 1) if row > ladder.rows[0] else -1


def shortest(ladder: Ladder, target: int) -> Span:
    """Return the narrowest interval with at least `target` lots.

    Of equally narrow ones the one with most lots, then the lowest.
    """
    rows, sums = ladder.rows, ladder.sums
    if ladder.dense is not None and (span := ladder.dense.shortest(target)) is not None:
        return Span(*span)
    best: tuple[int, int, int, int] | None = None
    for first, low in enumerate(rows):
        last = bisect_left(sums, sums[first] + target) - 1
        if last >= len(rows):
            break
        found = (rows[last] - low, sums[first] - sums[last + 1], low, rows[last])
        best = min(best, found) if best else found
    if best is None:
        msg = f"the ladder holds fewer than {target} lots"
        raise ValueError(msg)
    return Span(best[2], best[3])
