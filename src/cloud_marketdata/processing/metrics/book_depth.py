"""How much rests within some basis points of the mid, and whether that is all there is.

A book is known to a certain depth only. Where a band reaches beyond it the sum is what is known,
and `complete` is False.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.domain.book import OrderBook

_BP = 10_000


class Depth(NamedTuple):
    """Lots of both sides within a band, and whether the book is known to its ends."""

    bids: int
    asks: int
    complete: bool


def depths_within(book: OrderBook, twice_mid: int, bands: Sequence[int]) -> list[Depth]:
    """Return the depth within each of `bands` (bp, ascending) around half of `twice_mid` ticks.

    A level exactly at the edge is inside.
    """
    found = []
    bids, asks = book.bids, book.asks
    left, right = len(bids.prices), 0
    bid_lots = ask_lots = 0
    for band in bands:
        low = -(-twice_mid * (_BP - band) // (2 * _BP))
        high = twice_mid * (_BP + band) // (2 * _BP)
        start, end = bisect_left(bids.prices, low), bisect_right(asks.prices, high)
        bid_lots += sum(map(bids.sizes.__getitem__, bids.prices[start:left]))
        ask_lots += sum(map(asks.sizes.__getitem__, asks.prices[right:end]))
        left, right = start, end
        known_bid = book.known_bid is None or book.known_bid <= low
        known_ask = book.known_ask is None or book.known_ask >= high
        found.append(Depth(bid_lots, ask_lots, known_bid and known_ask))
    return found
