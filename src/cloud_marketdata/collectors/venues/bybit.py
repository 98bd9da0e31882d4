"""Bybit v5: how the wire messages of spot and linear become events.

Messages do not name their category, so a collector belongs to one connection of one venue. The
messages themselves stand in `bybit_wire`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from msgspec import UNSET, Raw

from cloud_marketdata.collectors.base import (
    Ask,
    BaseCollector,
    Connection,
    Control,
    ControlKind,
    Decoded,
    Heartbeat,
    Limits,
)
from cloud_marketdata.collectors.rulers import Rulers, UnknownSymbolError
from cloud_marketdata.collectors.sequence import BookRule, BybitRule
from cloud_marketdata.collectors.venues import bybit_wire as wire
from cloud_marketdata.collectors.venues.bybit_instruments import instruments
from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Rejection, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import (
    NS_PER_MS,
    BadNumberError,
    Side,
    TradeFlag,
    Venue,
)

SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}


_CHUNK: Final = 10


class BybitTrades:
    """Trades by `publicTrade`.

    `seq` is shared by the trades of one match and by the book, so a trade's sequence is its seq and
    its place among the trades of that seq; that keeps the order inside one millisecond.
    """

    def __init__(self, rulers: Rulers) -> None:
        self.rulers = rulers
        self._place: dict[str, tuple[int, int]] = {}

    def topic(self, symbol: str) -> str:
        """See `Part`."""
        return f"publicTrade.{symbol}"

    def trade(self, m: wire.Trade, received_at: int) -> TradeEvent:
        """Turn one item into an event; raises UnknownSymbolError or BadNumberError."""
        ruler = self.rulers.get(m.s) or self.rulers.learn(m.s, m.p, m.v)
        price, size = ruler.trade(m.p, m.v)
        side = SIDES.get(m.S)
        if side is None:
            msg = f"side {m.S!r} is neither Buy nor Sell"
            raise BadNumberError(msg)
        seq, place = self._place.get(m.s, (-1, 0))
        place = place + 1 if seq == m.seq else 0
        self._place[m.s] = (m.seq, place)
        flags = (TradeFlag.BLOCK if m.BT else 0) | (TradeFlag.RPI if m.RPI else 0)
        return TradeEvent(
            ruler.instrument,
            m.i,
            price,
            size,
            side,
            m.T * NS_PER_MS,
            received_at,
            (m.seq << 16) + place,
            1,
            int(flags),
        )


class BybitBooks:
    """Books by `orderbook.200`; snapshots come in the stream.

    A capture may hold another depth: the first one seen for a symbol is followed, the others are
    books of their own and left alone.
    """

    def __init__(self, rulers: Rulers) -> None:
        self.rulers = rulers
        self.rule: BookRule = BybitRule()
        self._followed: dict[str, str] = {}

    def topic(self, symbol: str) -> str:
        """See `Part`."""
        return f"orderbook.200.{symbol}"

    def follows(self, topic: str) -> bool:
        """Whether this topic is the one that makes its symbol's book."""
        _, depth, symbol = (*topic.split(".", 2), "", "")[:3]
        if not depth.isdigit() or depth == "1":
            return False
        return self._followed.setdefault(symbol, topic) == topic

    def event(self, frame: wire.Frame, m: wire.Book, received_at: int) -> BookSnapshot | BookDelta:
        """Turn a frame into a book event; raises UnknownSymbolError or BadNumberError."""
        first = (m.b or m.a or [("1", "1")])[0]
        ruler = self.rulers.get(m.s) or self.rulers.learn(m.s, *first)
        before = ruler.instrument
        bids, asks = ruler.levels(m.b), ruler.levels(m.a)
        if ruler.instrument is not before:
            bids, asks = ruler.levels(m.b), ruler.levels(m.a)
        time = (frame.ts if frame.cts is None else frame.cts) * NS_PER_MS
        # u == 1 says that the service restarted, whatever the type says.
        if frame.type == "snapshot" or m.u == 1:
            return BookSnapshot(ruler.instrument, m.u, bids, asks, time, received_at)
        return BookDelta(ruler.instrument, m.u, m.u, None, bids, asks, time, received_at)


class BybitCollector(BaseCollector):
    """What spot and linear share, which is everything but their names."""

    heartbeat: ClassVar[Heartbeat | None] = Heartbeat(b'{"op":"ping"}', 20.0)
    limits: ClassVar[Limits] = Limits(weight=600, window_s=5.0, commands_per_s=10)
    category: ClassVar[str]
    trades: BybitTrades
    books: BybitBooks

    def __init__(self, trade_rulers: Rulers, book_rulers: Rulers, trade_stream: str = "") -> None:
        del trade_stream
        self.trades = BybitTrades(trade_rulers)
        self.books = BybitBooks(book_rulers)

    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """See BaseCollector."""
        topics = (
            *(self.trades.topic(symbol) for symbol in symbols),
            *(self.books.topic(symbol) for symbol in symbols),
        )
        chunks = [topics[at : at + _CHUNK] for at in range(0, len(topics), _CHUNK)]
        subscribe = tuple(_command("subscribe", part) for part in chunks)
        return [Connection("public", f"/v5/public/{self.category}", topics, subscribe)]

    def resubscribe(self, symbol: str) -> tuple[bytes, ...]:
        """See BaseCollector."""
        topic = [self.books.topic(symbol)]
        return _command("unsubscribe", topic), _command("subscribe", topic)

    def decode(self, payload: bytes, received_at: int) -> Sequence[Decoded]:
        """See BaseCollector."""
        try:
            frame = wire.frame.decode(payload)
        except wire.UNREADABLE:
            return self._other(payload, received_at)
        if type(frame.data) is list:
            return [self._trade(item, payload, received_at) for item in frame.data]
        return (self._book(frame, payload, received_at),)

    def _trade(self, item: wire.Trade, payload: bytes, received_at: int) -> Decoded:
        try:
            return self.trades.trade(item, received_at)
        except UnknownSymbolError as error:
            return self.reject("unknown_symbol", str(error), payload, received_at)
        except BadNumberError as error:
            return self.reject("bad_number", str(error), payload, received_at)

    def _book(self, frame: wire.Frame, payload: bytes, received_at: int) -> Decoded:
        assert isinstance(frame.data, wire.Book), "the frame's data is trades or a book"
        if not self.books.follows(frame.topic):
            return Control(ControlKind.SILENT, frame.topic)
        try:
            return self.books.event(frame, frame.data, received_at)
        except UnknownSymbolError as error:
            return self.reject("unknown_symbol", str(error), payload, received_at)
        except BadNumberError as error:
            return self.reject("bad_number", str(error), payload, received_at)

    def _other(self, payload: bytes, received_at: int) -> Sequence[Decoded]:
        try:
            frame = wire.anything.decode(payload)
            if frame.topic.startswith("publicTrade.") and frame.data is not UNSET:
                items = wire.items.decode(frame.data)
                return [self._lone_trade(item, received_at) for item in items]
            if frame.topic.startswith(("publicTrade.", "orderbook.")):
                wire.frame.decode(payload)
        except msgspec.ValidationError as error:
            return (self.reject("schema", str(error), payload, received_at),)
        except wire.UNREADABLE as error:
            return (self.reject("malformed", str(error), payload, received_at),)
        return (
            _control(frame)
            or self.reject("unrecognised", "no topic and no answer", payload, received_at),
        )

    def _lone_trade(self, item: Raw, received_at: int) -> Decoded:
        """Read one item of a frame in which something is wrong; its neighbours may be right."""
        sample = bytes(item)
        try:
            return self._trade(wire.trade.decode(item), sample, received_at)
        except wire.UNREADABLE as error:
            return self.reject("schema", str(error), sample, received_at)

    def snapshot_ask(self, symbol: str) -> Ask:
        """None: a REST book only fits the 1000-level topic."""
        raise LookupError(symbol)

    def decode_snapshot(
        self, symbol: str, body: bytes, received_at: int
    ) -> BookSnapshot | Rejection:
        """Not asked for, see snapshot_ask."""
        return self.reject("snapshot", f"unasked book of {symbol}", body, received_at)

    @classmethod
    def instrument_asks(cls, symbols: Sequence[str]) -> list[Ask]:
        """See BaseCollector."""
        base = f"/v5/market/instruments-info?category={cls.category}&symbol="
        return [Ask(base + symbol) for symbol in symbols]

    @classmethod
    def decode_instruments(cls, body: bytes) -> list[Instrument]:
        """See BaseCollector."""
        return instruments(body, cls.venue)


class BybitSpotCollector(BybitCollector):
    """Bybit's spot category."""

    venue: ClassVar[Venue] = Venue.BYBIT_SPOT
    category: ClassVar[str] = "spot"


class BybitLinearCollector(BybitCollector):
    """Bybit's linear category: USDT and USDC perpetuals and futures."""

    venue: ClassVar[Venue] = Venue.BYBIT_LINEAR
    category: ClassVar[str] = "linear"


def _control(frame: wire.Anything) -> Control | None:
    if frame.topic:
        return Control(ControlKind.SILENT, frame.topic)
    if frame.op in {"ping", "pong"} or frame.ret_msg == "pong":
        return Control(ControlKind.PONG)
    if frame.success is False:
        return Control(ControlKind.REFUSED, frame.ret_msg)
    return Control(ControlKind.ACK, frame.op) if frame.op else None


def _command(op: str, args: Sequence[str]) -> bytes:
    body: dict[str, Any] = {"op": op, "args": list(args)}
    return msgspec.json.encode(body)
