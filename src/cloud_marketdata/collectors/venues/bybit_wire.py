"""Bybit's wire (v5): the messages by their own field names, and their decoders.

If Bybit changes a field, this file changes. See the websocket/public pages of its documentation.
Fields that are not declared are ignored; unknown kinds of messages are told by `Anything`.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

Pairs = list[tuple[str, str]]


class Trade(Struct, gc=False):
    """One item of `publicTrade`: `S` is the taker's side, `BT` a block, `L` how the price moved."""

    T: int
    s: str
    S: str
    v: str
    p: str
    i: str
    BT: bool = False
    RPI: bool = False
    seq: int = 0
    L: str | None = None


class Book(Struct, gc=False):
    """Data of `orderbook.N`."""

    s: str
    b: Pairs
    a: Pairs
    u: int


class Frame(Struct, gc=False):
    """A data frame; `cts` is the matching engine's time, `ts` the gateway's."""

    topic: str
    type: str
    data: list[Trade] | Book
    ts: int
    cts: int | None = None


class Anything(Struct):
    """Whatever else may come: answers, pongs, topics we do not use."""

    topic: str = ""
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""
    data: Raw | UnsetType = UNSET


class NewestRow(Struct):
    """Of a row of recent-trade, its match time."""

    time: str


class NewestRows(Struct):
    """Rows of recent-trade, newest first."""

    rows: list[NewestRow] = field(name="list", default_factory=list)


class Newest(Struct):
    """REST recent-trade, as far as the newest time needs it."""

    result: NewestRows


class RecentTrade(Struct, rename="camel"):
    """One row of REST recent-trade; its integers are written as text."""

    exec_id: str
    price: str
    size: str
    side: str
    time: int
    is_block_trade: bool = False
    is_rpi_trade: bool = field(name="isRPITrade", default=False)
    seq: int = 0


class RecentTrades(Struct):
    """Rows of recent-trade, newest first, each to be read by itself."""

    rows: list[Raw] = field(name="list", default_factory=list)


class Recent(Struct, rename="camel"):
    """REST recent-trade, or its refusal."""

    ret_code: int
    ret_msg: str = ""
    result: RecentTrades | None = None


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
frame = msgspec.json.Decoder(Frame)
items = msgspec.json.Decoder(list[Raw])
trade = msgspec.json.Decoder(Trade)
anything = msgspec.json.Decoder(Anything)
newest = msgspec.json.Decoder(Newest)
recent = msgspec.json.Decoder(Recent)
recent_trade = msgspec.json.Decoder(RecentTrade, strict=False)
