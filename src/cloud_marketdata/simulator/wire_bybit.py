"""A seeded market written as Bybit frames: publicTrade and orderbook.1000.

The book topic counts its own `u`; `seq` is shared by book and trades. Linear trade ids are UUIDs
made from the seed, spot ids are digits.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct, field

from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.simulator.levels import WireLevel
from cloud_marketdata.simulator.market import Fill, Market, MarketEvent
from cloud_marketdata.simulator.shadow_bybit import BookData, BookMessage

NS_PER_U = 10 * NS_PER_MS


class TradeItem(Struct, omit_defaults=True):
    """One trade; L, the direction of the last price change, only on linear."""

    T: int
    s: str
    S: str
    v: str
    p: str
    i: str
    seq: int
    BT: bool | None
    RPI: bool | None
    direction: str = field(default="", name="L")


class TradeMessage(Struct):
    """Trades of one instant; `type` is always "snapshot" and means nothing."""

    topic: str
    type: str
    ts: int
    data: list[TradeItem]


class BybitScribe:
    """Writes one symbol's market as its venue would send it."""

    def __init__(self, venue: Venue, market: Market, random: Random) -> None:
        self._market = market
        self._linear = venue is Venue.BYBIT_LINEAR
        self._namespace = UUID(int=random.getrandbits(128))
        self._symbol = market.listing.symbol
        self._u = market.time // NS_PER_U
        self._last_price = Decimal(0)
        self._direction = "ZeroPlusTick"

    def opening(self) -> Iterator[bytes]:
        """Write the snapshot of the whole book."""
        market = self._market
        yield self._book(
            "snapshot", market.time, market.last_update, market.bids.lots, market.asks.lots
        )

    def frames(self, event: MarketEvent) -> Iterator[bytes]:
        """Write the trades and the book delta of one event."""
        if event.fills:
            ms = event.time // NS_PER_MS
            trades = [self._trade(ms, fill, event.first_update) for fill in event.fills]
            topic = f"publicTrade.{self._symbol}"
            yield msgspec.json.encode(TradeMessage(topic, "snapshot", ms, trades))
        self._u += 1
        yield self._book("delta", event.time, event.last_update, event.bids, event.asks)

    def _trade(self, ms: int, fill: Fill, seq: int) -> TradeItem:
        # Compared as a price, because the tick may have become finer since the last trade.
        now = self._market.listing.tick * fill.price
        if now != self._last_price:
            self._direction = "PlusTick" if now > self._last_price else "MinusTick"
        elif not self._direction.startswith("Zero"):
            self._direction = f"Zero{self._direction}"
        self._last_price = now
        price, size = self._price(fill.price), self._size(fill.size)
        side = "Buy" if fill.buy else "Sell"
        name = str(uuid5(self._namespace, str(fill.id))) if self._linear else str(fill.id)
        direction = self._direction if self._linear else ""
        return TradeItem(ms, self._symbol, side, size, price, name, seq, False, False, direction)  # noqa: FBT003 - the wire's order of fields

    def _book(
        self, kind: str, time: int, seq: int, bids: dict[int, int], asks: dict[int, int]
    ) -> bytes:
        ms = time // NS_PER_MS
        data = BookData(self._symbol, self._levels(bids), self._levels(asks), self._u, seq)
        return msgspec.json.encode(
            BookMessage(f"orderbook.1000.{self._symbol}", kind, ms, data, ms)
        )

    def _levels(self, lots: dict[int, int]) -> list[WireLevel]:
        return [(self._price(price), self._size(size)) for price, size in lots.items()]

    def _price(self, ticks: int) -> str:
        return format(self._market.listing.tick * ticks, "f")

    def _size(self, lots: int) -> str:
        return format(self._market.listing.lot * lots if lots else Decimal(0), "f")
