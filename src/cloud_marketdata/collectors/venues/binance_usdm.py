"""Binance USD-M futures: books under /public and trades under /market, so two sockets.

A stream asked on the wrong path is acknowledged and stays silent, which is why the path belongs to
the topic. `@trade` is undocumented; where it is served at all, it is served under /public.
"""

from collections.abc import Sequence
from typing import ClassVar

from cloud_marketdata.collectors.base import Ask, Connection, Limits
from cloud_marketdata.collectors.sequence import BookRule, UsdmRule
from cloud_marketdata.collectors.venues.binance import BinanceCollector, subscribe
from cloud_marketdata.domain.values import Venue


class BinanceUsdmCollector(BinanceCollector):
    """Paths and rule of the USD-M market."""

    venue: ClassVar[Venue] = Venue.BINANCE_USDM
    rule: ClassVar[BookRule] = UsdmRule()
    limits: ClassVar[Limits] = Limits(weight=2400, window_s=60.0, commands_per_s=10)

    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """See BaseCollector."""
        books = tuple(self.books.topic(symbol) for symbol in symbols)
        trades = tuple(self.trades.topic(symbol) for symbol in symbols)
        path = "/public/stream" if self.trades.stream == "trade" else "/market/stream"
        return [
            Connection("books", "/public/stream", books, subscribe(books)),
            Connection("trades", path, trades, subscribe(trades)),
        ]

    def snapshot_ask(self, symbol: str) -> Ask:
        """See BaseCollector; 1000 levels are the most there are."""
        return Ask(f"/fapi/v1/depth?symbol={symbol}&limit=1000", 20)

    @classmethod
    def instrument_asks(cls, symbols: Sequence[str]) -> list[Ask]:
        """See BaseCollector; the answer lists every symbol."""
        del symbols
        return [Ask("/fapi/v1/exchangeInfo")]
