"""Binance spot: one socket for trades and books."""

from collections.abc import Sequence
from typing import ClassVar, Final

from cloud_marketdata.collectors.base import Connection
from cloud_marketdata.collectors.sequence import BookRule, SpotRule
from cloud_marketdata.collectors.venues.binance import BinanceCollector, subscribe
from cloud_marketdata.domain.values import Venue

_ONE_BY_ONE: Final = 10


class BinanceSpotCollector(BinanceCollector):
    """Paths and rule of the spot market."""

    venue: ClassVar[Venue] = Venue.BINANCE_SPOT
    rule: ClassVar[BookRule] = SpotRule()

    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """See BaseCollector."""
        topics = (
            *(self.trades.topic(symbol) for symbol in symbols),
            *(self.books.topic(symbol) for symbol in symbols),
        )
        return [Connection("stream", "/stream", topics, subscribe(topics))]

    def snapshot_path(self, symbol: str) -> str:
        """See BaseCollector; 1000 levels weigh 50 of the 6000 a minute."""
        return f"/api/v3/depth?symbol={symbol}&limit=1000"

    @classmethod
    def instrument_paths(cls, symbols: Sequence[str]) -> list[str]:
        """See BaseCollector; a few are asked one by one, since one unknown fails a whole list."""
        if len(symbols) > _ONE_BY_ONE:
            return ["/api/v3/exchangeInfo"]
        return [f"/api/v3/exchangeInfo?symbol={symbol}" for symbol in symbols]
