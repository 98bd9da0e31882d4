"""One side of a venue's book as the wire writes it: price text to size text.

Nothing is converted, so what comes out is what the venue sent; Decimal serves only to sort.
"""

from collections.abc import Iterable
from decimal import Decimal
from heapq import nlargest, nsmallest

WireLevel = tuple[str, str]


class WireSide:
    """Levels of one side; `descending` is True for bids."""

    __slots__ = ("_descending", "_sizes")

    def __init__(self, levels: Iterable[WireLevel] = (), *, descending: bool) -> None:
        self._sizes = dict(levels)
        self._descending = descending

    def change(self, levels: Iterable[WireLevel]) -> None:
        """Set absolute sizes; a size of zero removes, and removing an absent level is normal."""
        for price, size in levels:
            if size.strip("0."):
                self._sizes[price] = size
            else:
                self._sizes.pop(price, None)

    def best(self, limit: int | None = None) -> list[WireLevel]:
        """Return the levels from the best price outwards, at most `limit`."""
        if limit is not None and limit < len(self._sizes):
            pick = nlargest if self._descending else nsmallest
            return pick(limit, self._sizes.items(), key=_price)
        return sorted(self._sizes.items(), key=_price, reverse=self._descending)


def _price(level: WireLevel) -> Decimal:
    return Decimal(level[0])
