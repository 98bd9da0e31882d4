"""Binance USD-M futures: books under /public and trades under /market, so two sockets.

A stream asked on the wrong path is acknowledged and stays silent, which is why the path belongs to
the topic. `@trade` is undocumented; where it is served at all, it is served under /public.
"""

from collections.abc import Sequence
from typing import ClassVar

from cloud_marketdata.collectors.base import Ask, Connection, Limits, Questions
from cloud_marketdata.collectors.lanes.sequence import BookRule, UsdmRule
from cloud_marketdata.collectors.ranking import Ranked
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.venues.binance import BinanceCollector
from cloud_marketdata.collectors.venues.binance_klines import BinanceKlines
from cloud_marketdata.collectors.venues.binance_ranking import ranking
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import StreamKind


class BinanceUsdmCollector(BinanceCollector):
    """Paths and rule of the USD-M market."""

    venue: ClassVar[Venue] = Venue.BINANCE_USDM
    rule: ClassVar[BookRule] = UsdmRule()
    klines: ClassVar[BinanceKlines] = BinanceKlines(venue, "/fapi/v1/klines", weight=1)
    trades_kept_s: ClassVar[float | None] = 48 * 3600.0
    limits: ClassVar[Limits] = Limits(weight=2400, window_s=60.0, commands_per_s=10)

    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """See BaseCollector."""
        books = self.topics_of(symbols, StreamKind.BOOK)
        trades = self.topics_of(symbols, StreamKind.TRADES)
        path = "/public/stream" if self.trades.stream == "trade" else "/market/stream"
        return [
            Connection("books", "/public/stream", books),
            Connection("trades", path, trades),
        ]

    def snapshot_ask(self, symbol: str) -> Ask:
        """See BaseCollector; 1000 levels are the most there are."""
        return Ask(f"/fapi/v1/depth?symbol={symbol}&limit={self.snapshot_levels}", 20)

    def newest_book_ask(self, symbol: str) -> Ask:
        """See BaseCollector."""
        return Ask(f"/fapi/v1/depth?symbol={symbol}&limit=5", 2)

    def trades_ask(self, symbol: str, gap: TradeGap) -> Ask:
        """See BaseCollector."""
        if self.trades.stream == "trade":
            msg = "USD-M serves single trades to holders of an API key only"
            raise LookupError(msg)
        first = int(gap.after_id) + 1
        question = f"symbol={symbol}&fromId={first}&limit=1000"
        return Ask(f"/fapi/v1/aggTrades?{question}", 20, spare=True)

    def newest_trade_ask(self, symbol: str) -> Ask:
        """See BaseCollector."""
        return Ask(f"/fapi/v1/aggTrades?symbol={symbol}&limit=1", 20)

    @classmethod
    def instrument_asks(cls, symbols: Sequence[str]) -> list[Ask]:
        """See BaseCollector; the answer lists every symbol."""
        del symbols
        return [Ask("/fapi/v1/exchangeInfo")]

    @classmethod
    def ranking(cls) -> Questions[list[Ranked]]:
        """See BaseCollector."""
        return ranking(Ask("/fapi/v1/exchangeInfo"), Ask("/fapi/v1/ticker/24hr", 40))
