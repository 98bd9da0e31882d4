"""Binance spot: one socket for trades and books."""

from collections.abc import Sequence
from typing import ClassVar, Final

from cloud_marketdata.collectors.base import Ask, Connection, Limits
from cloud_marketdata.collectors.sequence import BookRule, SpotRule
from cloud_marketdata.collectors.venues.binance import BinanceCollector, subscribe
from cloud_marketdata.domain.values import Venue

_ONE_BY_ONE: Final = 10


class BinanceSpotCollector(BinanceCollector):
    """Paths and rule of the spot market."""

    venue: ClassVar[Venue] = Venue.BINANCE_SPOT
    rule: ClassVar[BookRule] = SpotRule()
    limits: ClassVar[Limits] = Limits(weight=6000, window_s=60.0, commands_per_s=5)

    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """See BaseCollector."""
        topics = (
            *(self.trades.topic(symbol) for symbol in symbols),
            *(self.books.topic(symbol) for symbol in symbols),
        )
        return [Connection("stream", "/stream", topics, subscribe(topics))]

    def snapshot_ask(self, symbol: str) -> Ask:
        """See BaseCollector; 5000 levels would weigh five times as much."""
        return Ask(f"/api/v3/depth?symbol={symbol}&limit=1000", 50)

    @classmethod
    def instrument_asks(cls, symbols: Sequence[str]) -> list[Ask]:
        """See BaseCollector; a few are asked one by one, since one unknown fails a whole list."""
        if len(symbols) > _ONE_BY_ONE:
            return [Ask("/api/v3/exchangeInfo", 20)]
        return [Ask(f"/api/v3/exchangeInfo?symbol={symbol}", 20) for symbol in symbols]
