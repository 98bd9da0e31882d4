"""Binance spot: one socket for trades and books."""

from collections.abc import Sequence
from typing import ClassVar, Final

from cloud_marketdata.collectors.base import Ask, Connection, Limits, Questions
from cloud_marketdata.collectors.lanes.sequence import BookRule, SpotRule
from cloud_marketdata.collectors.ranking import Ranked
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.venues.binance import BinanceCollector
from cloud_marketdata.collectors.venues.binance_klines import BinanceKlines
from cloud_marketdata.collectors.venues.binance_ranking import ranking
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import StreamKind

_ONE_BY_ONE: Final = 10


class BinanceSpotCollector(BinanceCollector):
    """Paths and rule of the spot market."""

    venue: ClassVar[Venue] = Venue.BINANCE_SPOT
    rule: ClassVar[BookRule] = SpotRule()
    klines: ClassVar[BinanceKlines] = BinanceKlines(venue, "/api/v3/klines", weight=2)
    limits: ClassVar[Limits] = Limits(weight=6000, window_s=60.0, commands_per_s=5)

    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """See BaseCollector."""
        topics = self.topics_of(symbols, StreamKind.TRADES, StreamKind.BOOK)
        return [Connection("stream", "/stream", topics)]

    def snapshot_ask(self, symbol: str) -> Ask:
        """See BaseCollector; 5000 levels would weigh five times as much."""
        return Ask(f"/api/v3/depth?symbol={symbol}&limit={self.snapshot_levels}", 50)

    def newest_book_ask(self, symbol: str) -> Ask:
        """See BaseCollector."""
        return Ask(f"/api/v3/depth?symbol={symbol}&limit=5", 5)

    def trades_ask(self, symbol: str, gap: TradeGap) -> Ask:
        """See BaseCollector; the host that has market data only does not serve single trades."""
        question = f"symbol={symbol}&fromId={int(gap.after_id) + 1}&limit=1000"
        if self.trades.stream == "trade":
            return Ask(f"/api/v3/historicalTrades?{question}", 25, spare=True)
        return Ask(f"/api/v3/aggTrades?{question}", 4, spare=True)

    def newest_trade_ask(self, symbol: str) -> Ask:
        """See BaseCollector."""
        return Ask(f"/api/v3/aggTrades?symbol={symbol}&limit=1", 4)

    @classmethod
    def instrument_asks(cls, symbols: Sequence[str]) -> list[Ask]:
        """See BaseCollector; a few are asked one by one, since one unknown fails a whole list."""
        if len(symbols) > _ONE_BY_ONE:
            return [Ask("/api/v3/exchangeInfo", 20)]
        return [Ask(f"/api/v3/exchangeInfo?symbol={symbol}", 20) for symbol in symbols]

    @classmethod
    def ranking(cls) -> Questions[list[Ranked]]:
        """See BaseCollector."""
        return ranking(Ask("/api/v3/exchangeInfo", 20), Ask("/api/v3/ticker/24hr", 80))
