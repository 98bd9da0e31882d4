"""A bar: open, high, low, close and sums of the trades of one bucket.

Merging is exact in any order, because open and close carry the key (match time, sequence) of their
trade. Prices are ticks, sizes lots, quote amounts ticks times lots.
"""

from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Side

Key = tuple[int, int]
"""Match time in ns, and the sequence that orders trades within it."""


class Bar(Struct):
    """The nine fields of a venue's kline, and the keys that make them mergeable."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    count: int
    taker_buy_volume: int
    taker_buy_quote_volume: int
    open_key: Key
    close_key: Key

    @classmethod
    def of(cls, trade: TradeEvent) -> Self:
        """Return the bar of a single trade."""
        key = (trade.exchange_time, trade.sequence)
        price, size, quote = trade.price, trade.size, trade.price * trade.size
        buy = trade.side is Side.BUY
        return cls(
            open=price,
            high=price,
            low=price,
            close=price,
            volume=size,
            quote_volume=quote,
            count=trade.fills,
            taker_buy_volume=size if buy else 0,
            taker_buy_quote_volume=quote if buy else 0,
            open_key=key,
            close_key=key,
        )

    def add(self, trade: TradeEvent) -> None:
        """Absorb one trade made on this bar's own scale."""
        key = (trade.exchange_time, trade.sequence)
        price, size = trade.price, trade.size
        quote = price * size
        if price > self.high:
            self.high = price
        if price < self.low:
            self.low = price
        if key > self.close_key:
            self.close, self.close_key = price, key
        elif key < self.open_key:
            self.open, self.open_key = price, key
        self.volume += size
        self.quote_volume += quote
        self.count += trade.fills
        if trade.side is Side.BUY:
            self.taker_buy_volume += size
            self.taker_buy_quote_volume += quote

    def merged(self, other: "Bar") -> "Bar":
        """Return the bar of both tapes, made on one scale."""
        first = self if self.open_key <= other.open_key else other
        last = self if self.close_key >= other.close_key else other
        return Bar(
            open=first.open,
            high=max(self.high, other.high),
            low=min(self.low, other.low),
            close=last.close,
            volume=self.volume + other.volume,
            quote_volume=self.quote_volume + other.quote_volume,
            count=self.count + other.count,
            taker_buy_volume=self.taker_buy_volume + other.taker_buy_volume,
            taker_buy_quote_volume=self.taker_buy_quote_volume + other.taker_buy_quote_volume,
            open_key=first.open_key,
            close_key=last.close_key,
        )

    def rescaled(self, tick_factor: int, lot_factor: int) -> "Bar":
        """Return the same bar counted in finer ticks and lots."""
        quote_factor = tick_factor * lot_factor
        return replace(
            self,
            open=self.open * tick_factor,
            high=self.high * tick_factor,
            low=self.low * tick_factor,
            close=self.close * tick_factor,
            volume=self.volume * lot_factor,
            quote_volume=self.quote_volume * quote_factor,
            taker_buy_volume=self.taker_buy_volume * lot_factor,
            taker_buy_quote_volume=self.taker_buy_quote_volume * quote_factor,
        )
