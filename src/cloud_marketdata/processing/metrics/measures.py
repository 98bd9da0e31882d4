"""What a measure is to whoever reads its figures: a module that merges and describes readings.

A measure's fold tells one reading a minute, in integers of one grid. A bar of many minutes merges
them, in their order, and writes the figures for people once, at the edge. A figure that cannot be
merged is left out by `merged`, never averaged.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from cloud_marketdata.domain.flow import Reading
from cloud_marketdata.domain.instrument import Scale

Figure = str | int | float | bool | Sequence[str] | Sequence[int] | Sequence[float] | None
"""One number for a reader: prices, sizes and sums as decimal text, ratios as floats."""


class Measure(Protocol):
    """The two functions that a module of a measure has beside its fold."""

    def merged(self, readings: Sequence[Reading], /) -> Reading:
        """Return the reading of all these minutes; they are at least one, ascending, on one grid.

        Merging is associative: parts merged in their order give what all of them give at once.
        """
        ...

    def described(self, reading: Reading, scale: Scale, /) -> Mapping[str, Figure]:
        """Write a reading, or a merged one, that was counted on `scale`."""
        ...
