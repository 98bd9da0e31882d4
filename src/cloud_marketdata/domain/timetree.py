"""A tree over time: which few stretches make up any range of whole minutes.

The lengths of the nodes divide each other, an hour and a day are among them, and above a day they
double. So a range of n minutes is the disjoint union of O(log n) nodes, and nodes shorter than an
hour lie only in the hours of its two ends.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from cloud_marketdata.domain.values import Timeframe

_MINUTE: Final = Timeframe.M1.ns
_DAYS: Final = 10
LENGTHS: Final = (
    *(minutes * _MINUTE for minutes in (1, 2, 4, 12, 60, 120, 240, 720)),
    *(Timeframe.D1.ns << power for power in range(_DAYS)),
)
"""Of every level, in ns: 1, 2, 4 and 12 minutes, 1, 2, 4 and 12 hours, 1, 2, 4 … 512 days."""

_RATIOS: Final = tuple(longer // length for length, longer in pairwise(LENGTHS))


class Node(NamedTuple):
    """The stretch `[start, start + length)`; `start` is a multiple of `length`, both in ns."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """First nanosecond after it."""
        return self.start + self.length


def cover(start: int, end: int) -> Iterator[Node]:
    """Yield the fewest nodes that make up `[start, end)`, ascending.

    Both ends are whole minutes; raises ValueError otherwise.
    """
    if start % _MINUTE or end % _MINUTE:
        msg = f"not whole minutes: {start} to {end}"
        raise ValueError(msg)
    while start < end:
        length = next(
            length
            for length in LENGTHS[bisect_right(LENGTHS, end - start) - 1 :: -1]
            if not start % length
        )
        yield Node(start, length)
        start += length


def most_nodes(length: int) -> int:
    """Return a bound on the nodes of any range of `length` ns: it grows with the logarithm."""
    levels = bisect_right(LENGTHS, length)
    # Below the longest level that fits, each end needs fewer nodes than would make a longer one.
    ends = 2 * sum(ratio - 1 for ratio in _RATIOS[: max(0, levels - 1)])
    return ends + (length // LENGTHS[levels - 1] if levels else 0)


def above(time: int) -> Iterator[Node]:
    """Yield every node that holds an instant, the shortest first."""
    for length in LENGTHS:
        yield Node(time - time % length, length)
