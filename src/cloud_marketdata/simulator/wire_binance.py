"""A seeded market written as Binance frames: trade, depth@100ms and bookTicker, combined form.

USD-M update ids have holes between messages, as the real ones do, so that only `pu` tells a gap.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec
from msgspec import Struct, field

from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.simulator.ladder import Ladder
from cloud_marketdata.simulator.levels import WireLevel
from cloud_marketdata.simulator.market import Fill, Market, MarketEvent
from cloud_marketdata.simulator.shadow_binance import DepthReply

SPOT_PRECISION = Decimal("1e-8")


class TradeFrame(Struct, omit_defaults=True):
    """A trade event; T stands where the venue puts it, X only on USD-M, M only on spot."""

    e: str
    E: int
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool
    X: str = ""
    M: bool = False


class DepthFrame(Struct, omit_defaults=True):
    """A depthUpdate event; T and pu only on USD-M."""

    e: str
    E: int
    s: str
    U: int
    u: int
    b: list[WireLevel]
    a: list[WireLevel]
    T: int = 0
    pu: int = -1


class TickerFrame(Struct, omit_defaults=True):
    """A bookTicker event; e, E and T only on USD-M."""

    u: int
    s: str
    b: str
    B: str
    a: str
    A: str
    e: str = ""
    E: int = 0
    T: int = 0


class Combined(Struct):
    """The wrapper of combined streams."""

    stream: str
    data: Struct = field()


class BinanceScribe:
    """Writes one symbol's market as its venue would send it."""

    def __init__(self, venue: Venue, market: Market) -> None:
        self._market = market
        self._usdm = venue is Venue.BINANCE_USDM
        self._ids = 3 if self._usdm else 1
        self._last = market.last_update * self._ids
        self._symbol = market.listing.symbol

    def opening(self) -> Iterator[bytes]:
        """Write an empty delta and the REST snapshot that follows it."""
        ms = self._market.time // NS_PER_MS
        yield self._depth(ms, self._last, self._last, {}, {})
        times = (ms, ms) if self._usdm else (0, 0)
        bids, asks = (self._levels(side.lots) for side in (self._market.bids, self._market.asks))
        yield msgspec.json.encode(DepthReply(self._last, *times, bids, asks))

    def frames(self, event: MarketEvent) -> Iterator[bytes]:
        """Write the trades, the book delta and the new best prices of one event."""
        ms = event.time // NS_PER_MS
        for fill in event.fills:
            yield self._trade(ms, fill)
        first = event.first_update * self._ids - (self._ids - 1)
        last = event.last_update * self._ids
        yield self._depth(ms, first, last, event.bids, event.asks)
        yield self._ticker(ms)

    def _trade(self, ms: int, fill: Fill) -> bytes:
        price, size = self._price(fill.price), self._size(fill.size)
        kind = ("MARKET", False) if self._usdm else ("", True)
        frame = TradeFrame("trade", ms, self._symbol, fill.id, price, size, ms, not fill.buy, *kind)
        return self._wrapped("trade", frame)

    def _depth(
        self, ms: int, first: int, last: int, bids: dict[int, int], asks: dict[int, int]
    ) -> bytes:
        extra = (ms, self._last) if self._usdm else (0, -1)
        levels = (self._levels(bids), self._levels(asks))
        frame = DepthFrame("depthUpdate", ms, self._symbol, first, last, *levels, *extra)
        self._last = last
        return self._wrapped("depth@100ms", frame)

    def _ticker(self, ms: int) -> bytes:
        best = (*self._best(self._market.bids), *self._best(self._market.asks))
        extra = ("bookTicker", ms, ms) if self._usdm else ("", 0, 0)
        return self._wrapped("bookTicker", TickerFrame(self._last, self._symbol, *best, *extra))

    def _wrapped(self, kind: str, frame: Struct) -> bytes:
        return msgspec.json.encode(Combined(f"{self._symbol.lower()}@{kind}", frame))

    def _best(self, side: Ladder) -> WireLevel:
        return self._price(side.best), self._size(side.lots[side.best])

    def _levels(self, lots: dict[int, int]) -> list[WireLevel]:
        return [(self._price(price), self._size(size)) for price, size in lots.items()]

    def _price(self, ticks: int) -> str:
        return self._text(self._market.listing.tick * ticks)

    def _size(self, lots: int) -> str:
        return self._text(self._market.listing.lot * lots)

    def _text(self, value: Decimal) -> str:
        padded = value.quantize(SPOT_PRECISION)
        return format(value if self._usdm or padded != value else padded, "f")
