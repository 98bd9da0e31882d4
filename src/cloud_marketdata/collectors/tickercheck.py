"""The venue as oracle: its best quotes against ours at equal update ids.

Tickers run ahead of the depth stream, so they wait until the book reaches their id. They are never
compared on time. Equal and different are counted; a difference means that the book is wrong.
"""

from collections import deque
from typing import Final

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BestQuote, Level
from cloud_marketdata.domain.instrument import Instrument

_WAITING_MAX: Final = 100_000


class TickerCheck:
    """Counts how often book and ticker agreed for one symbol."""

    def __init__(self) -> None:
        self._waiting: deque[BestQuote] = deque(maxlen=_WAITING_MAX)
        self.equal = 0
        self.different = 0

    def quote(self, quote: BestQuote, book: OrderBook | None) -> None:
        """Take a ticker; it waits unless the book stands at or beyond its id."""
        if book is None or quote.update_id > book.update_id:
            self._waiting.append(quote)
        elif quote.update_id == book.update_id:
            self._compare(quote, book)

    def reached(self, book: OrderBook) -> None:
        """Compare the tickers that waited for the book's present id and forget the older ones."""
        waiting = self._waiting
        while waiting and waiting[0].update_id <= book.update_id:
            quote = waiting.popleft()
            if quote.update_id == book.update_id:
                self._compare(quote, book)

    def _compare(self, quote: BestQuote, book: OrderBook) -> None:
        same = _same(quote.bid, quote.instrument, book.best_bid(), book.instrument) and _same(
            quote.ask, quote.instrument, book.best_ask(), book.instrument
        )
        self.equal += same
        self.different += not same


def _same(quoted: Level, grid: Instrument, ours: Level | None, our_grid: Instrument) -> bool:
    if ours is None:
        return False
    if grid.scale == our_grid.scale:
        return quoted == ours
    theirs = grid.scale.price(quoted[0]), grid.scale.size(quoted[1])
    return theirs == (our_grid.scale.price(ours[0]), our_grid.scale.size(ours[1]))
