"""The venue's own full books, kept from its raw frames as the venue would answer them.

Prices and sizes stay wire text and none of the service's book or collector code is used, so the
answers are an independent witness. What is not in step is not answered.
"""

from cloud_marketdata.domain.values import Exchange, Venue
from cloud_marketdata.simulator.shadow_binance import BinanceBooks
from cloud_marketdata.simulator.shadow_bybit import BybitBooks


class ShadowBooks:
    """The books of any venue behind one question: what would it answer now?"""

    def __init__(self, venue: Venue) -> None:
        bybit = venue.exchange is Exchange.BYBIT
        self._books: BinanceBooks | BybitBooks = BybitBooks() if bybit else BinanceBooks(venue)

    def receive(self, payload: bytes) -> None:
        """Take one raw frame of the venue, in the order it came; bare REST snapshots included."""
        self._books.receive(payload)

    def snapshot(self, symbol: str, limit: int | None = None) -> bytes | None:
        """Return what gives a new reader the book, at most `limit` levels a side.

        Binance: the REST depth reply at the last update id seen. Bybit: the snapshot frame of the
        deepest `orderbook` topic seen. None while no snapshot has been seen and joined.
        """
        return self._books.snapshot(symbol, limit)
