"""The venue as oracle: its best quotes against ours at equal update ids.

Tickers run ahead of the depth stream, so they wait until the book reaches their id. They are never
compared on time. Equal and different are counted; a difference means that the book is wrong. Where
the price has left what the book knows, the book claims nothing that could be wrong.
"""

from collections import deque
from typing import Final

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BestQuote, Level
from cloud_marketdata.domain.instrument import Instrument

_WAITING_MAX: Final = 100_000


class TickerCheck:
    """Counts how often book and ticker agreed for one symbol.

    `dropped` counts the oldest tickers that made room because too many waited, `unknown` those
    that differed where the book has no knowledge.
    """

    def __init__(self) -> None:
        self._waiting: deque[BestQuote] = deque()
        self.equal = self.different = 0
        self.dropped = self.unknown = 0

    def quote(self, quote: BestQuote, book: OrderBook | None) -> None:
        """Take a ticker; it waits unless the book stands at or beyond its id."""
        if book is None or quote.update_id > book.update_id:
            self._wait(quote)
        elif quote.update_id == book.update_id:
            self._compare(quote, book)

    def reached(self, book: OrderBook) -> None:
        """Compare the tickers that waited for the book's present id and forget the older ones."""
        waiting = self._waiting
        while waiting and waiting[0].update_id <= book.update_id:
            quote = waiting.popleft()
            if quote.update_id == book.update_id:
                self._compare(quote, book)

    def _wait(self, quote: BestQuote) -> None:
        if len(self._waiting) >= _WAITING_MAX:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(quote)

    def _compare(self, quote: BestQuote, book: OrderBook) -> None:
        same = _same(quote.bid, quote.instrument, book.best_bid(), book.instrument) and _same(
            quote.ask, quote.instrument, book.best_ask(), book.instrument
        )
        if same:
            self.equal += 1
        elif book.knows(1):
            self.different += 1
        else:
            self.unknown += 1


def _same(quoted: Level, grid: Instrument, ours: Level | None, our_grid: Instrument) -> bool:
    if ours is None:
        return False
    if grid.scale == our_grid.scale:
        return quoted == ours
    theirs = grid.scale.price(quoted[0]), grid.scale.size(quoted[1])
    return theirs == (our_grid.scale.price(ours[0]), our_grid.scale.size(ours[1]))
