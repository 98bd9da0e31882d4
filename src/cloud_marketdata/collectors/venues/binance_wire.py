"""Binance's wire: the messages of spot and USD-M by their own field letters, and their decoders.

If Binance changes a field, this file changes. See the web-socket-streams page of its documentation.
Fields that are not declared are ignored; unknown kinds of messages are told by `Anything`.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

Pairs = list[tuple[str, str]]


class Trade(Struct, tag_field="e", tag="trade", gc=False):
    """`<symbol>@trade`; `X` is USD-M's kind of trade."""

    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool
    X: str = "MARKET"


class AggTrade(Struct, tag_field="e", tag="aggTrade", gc=False):
    """`<symbol>@aggTrade`: fills `f` to `l` of one taker order at one price."""

    s: str
    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741  the venue's letter
    T: int
    m: bool


class DepthUpdate(Struct, tag_field="e", tag="depthUpdate", gc=False):
    """`<symbol>@depth`: absolute sizes; `pu` and `T` on USD-M only."""

    s: str
    E: int
    U: int
    u: int
    b: Pairs
    a: Pairs
    pu: int | None = None
    T: int | None = None


class BookTicker(Struct, tag_field="e", tag="bookTicker", gc=False):
    """USD-M's `<symbol>@bookTicker`."""

    s: str
    u: int
    b: str
    B: str
    a: str
    A: str


class SpotBookTicker(Struct, gc=False):
    """Spot's `<symbol>@bookTicker`, which does not say what it is."""

    s: str
    u: int
    b: str
    B: str
    a: str
    A: str


class Depth(Struct):
    """The REST book; `E` and `T` on USD-M only."""

    lastUpdateId: int  # noqa: N815  the venue's name
    bids: Pairs
    asks: Pairs
    T: int | None = None


Message = Trade | AggTrade | DepthUpdate | BookTicker


class Combined(Struct, gc=False):
    """The wrapper of combined streams.

    USD-M's partial and RPI books look like diffs inside; only the name of the `stream` tells them.
    """

    stream: str
    data: Message

    @property
    def another_book(self) -> bool:
        """Whether it is a book, but not the whole public one by its changes."""
        if type(self.data) is not DepthUpdate:
            return False
        kind = self.stream.partition("@")[2]
        return kind != "depth" and not kind.startswith("depth@")


class AggRow(Struct):
    """One row of REST aggTrades."""

    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741  the venue's letter
    T: int
    m: bool

    def told(self, symbol: str) -> AggTrade:
        """Return what the stream says of the same trade."""
        return AggTrade(symbol, self.a, self.p, self.q, self.f, self.l, self.T, self.m)


class TradeRow(Struct, rename="camel"):
    """One row of REST historicalTrades."""

    id: int
    price: str
    qty: str
    time: int
    is_buyer_maker: bool

    def told(self, symbol: str) -> Trade:
        """Return what the stream says of the same trade."""
        return Trade(symbol, self.id, self.price, self.qty, self.time, self.is_buyer_maker)


class NewestRow(Struct):
    """Of a REST trade, its match time."""

    T: int


class Anything(Struct):
    """Whatever else may come: answers, refusals, notices, streams without `e`."""

    data: Raw | UnsetType = UNSET
    e: str = ""
    u: int | None = None
    B: str | None = None
    lastUpdateId: int | None = None  # noqa: N815  the venue's name
    id: int | str | UnsetType | None = UNSET
    code: int | None = None
    msg: str = ""
    error: Any = None


WRAPPED: Final = b'{"stream":"'
TAGS: Final = frozenset({"trade", "aggTrade", "depthUpdate", "bookTicker"})
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
combined = msgspec.json.Decoder(Combined)
bare = msgspec.json.Decoder(Message)
anything = msgspec.json.Decoder(Anything)
spot_ticker = msgspec.json.Decoder(SpotBookTicker)
depth = msgspec.json.Decoder(Depth)
newest = msgspec.json.Decoder(list[NewestRow])
rows = msgspec.json.Decoder(list[Raw])
agg_row = msgspec.json.Decoder(AggRow)
trade_row = msgspec.json.Decoder(TradeRow)
