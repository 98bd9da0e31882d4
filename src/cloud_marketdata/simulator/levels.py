"""One side of a venue's book as the wire writes it: price text to size text.

Nothing is converted, so what comes out is what the venue sent; Decimal serves only to sort.
"""

from collections.abc import Iterable
from decimal import Decimal
from heapq import nlargest, nsmallest

WireLevel = tuple[str, str]


class WireSide:
    """Levels of one side; `descending` is True for bids.

    A price is the same however many zeros end it: a venue writes more of them on a finer tick.
    """

    __slots__ = ("_descending", "_levels")

    def __init__(self, levels: Iterable[WireLevel] = (), *, descending: bool) -> None:
        self._levels = {_bare(price): (price, size) for price, size in levels}
        self._descending = descending

    def change(self, levels: Iterable[WireLevel]) -> None:
        """Set absolute sizes; a size of zero removes, and removing an absent level is normal."""
        for price, size in levels:
            if size.strip("0."):
                self._levels[_bare(price)] = (price, size)
            else:
                self._levels.pop(_bare(price), None)

    def best(self, limit: int | None = None) -> list[WireLevel]:
        """Return the levels from the best price outwards, at most `limit`."""
        if limit is not None and limit < len(self._levels):
            pick = nlargest if self._descending else nsmallest
            return pick(limit, self._levels.values(), key=_price)
        return sorted(self._levels.values(), key=_price, reverse=self._descending)


def _bare(price: str) -> str:
    return price.rstrip("0").rstrip(".") if "." in price else price


def _price(level: WireLevel) -> Decimal:
    return Decimal(level[0])
