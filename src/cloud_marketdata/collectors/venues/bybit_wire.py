"""Bybit's wire (v5): the messages by their own field names, and their decoders.

If Bybit changes a field, this file changes. See the websocket/public pages of its documentation.
Fields that are not declared are ignored; unknown kinds of messages are told by `Anything`.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

Pairs = list[tuple[str, str]]


class Trade(Struct, gc=False):
    """One item of `publicTrade`; `S` is the taker's side, `BT` a block trade."""

    T: int
    s: str
    S: str
    v: str
    p: str
    i: str
    BT: bool = False
    RPI: bool = False
    seq: int = 0


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
    data: Raw | UnsetType = UNSET


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
frame = msgspec.json.Decoder(Frame)
items = msgspec.json.Decoder(list[Raw])
trade = msgspec.json.Decoder(Trade)
anything = msgspec.json.Decoder(Anything)
