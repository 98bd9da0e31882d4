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
    Command,
    Connection,
    Control,
    ControlKind,
    Decoded,
    Heartbeat,
    Limits,
    Questions,
)
from cloud_marketdata.collectors.lanes.rulers import Rulers, UnknownSymbolError
from cloud_marketdata.collectors.lanes.sequence import BookRule, BybitRule
from cloud_marketdata.collectors.ranking import Ranked
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.venues import bybit_wire as wire
from cloud_marketdata.collectors.venues.bybit_instruments import instruments
from cloud_marketdata.collectors.venues.bybit_klines import BybitKlines
from cloud_marketdata.collectors.venues.bybit_ranking import ranking
from cloud_marketdata.collectors.venues.bybit_trades import BybitTrades
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Rejection, TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, BadNumberError, Venue
from cloud_marketdata.storage.ports import StreamKind

_CHUNK: Final = 10


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
    # The names of all topics of a connection may have 21,000 characters together.
    topics_max: ClassVar[int] = 400
    limits: ClassVar[Limits] = Limits(weight=600, window_s=5.0, commands_per_s=10)
    category: ClassVar[str]
    recent_max: ClassVar[int]
    """Rows of recent-trade that may be asked for."""
    klines: ClassVar[BybitKlines]
    trades: BybitTrades
    books: BybitBooks

    def __init__(self, trade_rulers: Rulers, book_rulers: Rulers, trade_stream: str = "") -> None:
        del trade_stream
        self.trades = BybitTrades(trade_rulers)
        self.books = BybitBooks(book_rulers)
        self._commanded = 0

    def connections(self, symbols: Sequence[str]) -> list[Connection]:
        """See BaseCollector."""
        topics = self.topics_of(symbols, StreamKind.TRADES, StreamKind.BOOK)
        return [Connection("public", f"/v5/public/{self.category}", topics)]

    def subscribe(self, topics: Sequence[str]) -> list[Command]:
        """See BaseCollector."""
        return self._commands("subscribe", topics)

    def unsubscribe(self, topics: Sequence[str]) -> list[Command]:
        """See BaseCollector."""
        return self._commands("unsubscribe", topics)

    def _commands(self, op: str, topics: Sequence[str]) -> list[Command]:
        made = []
        for at in range(0, len(topics), _CHUNK):
            part = tuple(topics[at : at + _CHUNK])
            self._commanded += 1
            body: dict[str, Any] = {"op": op, "args": part, "req_id": str(self._commanded)}
            made.append(Command(str(self._commanded), msgspec.json.encode(body), part))
        return made

    def ticker(self, symbol: str) -> str | None:
        """None: each depth counts its own `u`, so no id of a ticker is one of the book's."""
        del symbol
        return None

    def decode(self, payload: bytes, received_at: int) -> Sequence[Decoded]:
        """See BaseCollector."""
        try:
            frame = wire.frame.decode(payload)
        except wire.UNREADABLE:
            return self._other(payload, received_at)
        if type(frame.data) is list:
            return self._trades(frame.data, payload, received_at)
        return (self._book(frame, payload, received_at),)

    def _trades(
        self, items: Sequence[wire.Trade], payload: bytes, received_at: int
    ) -> list[Decoded]:
        decoded = [self._trade(item, payload, received_at) for item in items]
        if self.trades.broken:
            decoded = self._torn(decoded, items[0].s if items else "")
        return [*decoded, *self.trades.take_doubts()] if self.trades.doubts else decoded

    def _torn(self, decoded: Sequence[Decoded], symbol: str) -> list[Decoded]:
        """Mark the places of the trades that could not be read."""
        self.trades.broken = False
        unread = Control(ControlKind.UNREAD, symbol)
        return [
            mark
            for event in decoded
            for mark in ((event, unread) if isinstance(event, Rejection) else (event,))
        ]

    def _trade(self, item: wire.Trade, payload: bytes, received_at: int) -> Decoded:
        try:
            return self.trades.trade(item, received_at)
        except UnknownSymbolError as error:
            self.trades.break_chains()
            return self.reject("unknown_symbol", str(error), payload, received_at)
        except BadNumberError as error:
            self.trades.break_chains()
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
                decoded = [self._lone_trade(item, received_at) for item in items]
                torn = self._torn(decoded, frame.topic.partition(".")[2])
                return [*torn, *self.trades.take_doubts()]
            if frame.topic.startswith(("publicTrade.", "orderbook.")):
                wire.frame.decode(payload)
        except msgspec.ValidationError as error:
            return self._unread("schema", error, payload, received_at)
        except wire.UNREADABLE as error:
            return self._unread("malformed", error, payload, received_at)
        return (
            _control(frame)
            or self.reject("unrecognised", "no topic and no answer", payload, received_at),
        )

    def _unread(
        self, reason: str, error: Exception, payload: bytes, received_at: int
    ) -> Sequence[Decoded]:
        """Refuse a frame; unless it names itself a book's it may have held trades."""
        rejection = self.reject(reason, str(error), payload, received_at)
        if b'"orderbook.' in payload:
            return (rejection,)
        self.trades.break_chains()
        symbol = payload.partition(b'"publicTrade.')[2].partition(b'"')[0]
        return rejection, Control(ControlKind.UNREAD, symbol.decode(errors="replace"))

    def _lone_trade(self, item: Raw, received_at: int) -> Decoded:
        """Read one item of a frame in which something is wrong; its neighbours may be right."""
        sample = bytes(item)
        try:
            return self._trade(wire.trade.decode(item), sample, received_at)
        except wire.UNREADABLE as error:
            self.trades.break_chains()
            return self.reject("schema", str(error), sample, received_at)

    def snapshot_ask(self, symbol: str) -> Ask:
        """None: a REST book only fits the 1000-level topic."""
        raise LookupError(symbol)

    def newest_book_ask(self, symbol: str) -> Ask:
        """None, for the same reason."""
        raise LookupError(symbol)

    def trades_ask(self, symbol: str, gap: TradeGap) -> Ask:
        """See BaseCollector; there is no way to ask for older ones than the newest."""
        del gap
        question = f"category={self.category}&symbol={symbol}&limit={self.recent_max}"
        return Ask(f"/v5/market/recent-trade?{question}")

    def decode_trades(
        self, symbol: str, body: bytes, received_at: int
    ) -> list[TradeEvent | Rejection]:
        """See BaseCollector."""
        try:
            reply = wire.recent.decode(body)
        except wire.UNREADABLE as error:
            return [self.reject("trades", str(error), body, received_at)]
        if reply.ret_code or reply.result is None:
            refusal = f"{reply.ret_code} {reply.ret_msg}"
            return [self.reject("trades", refusal, body, received_at)]
        trades = BybitTrades(self.trades.rulers)

        def read(row: Raw) -> TradeEvent:
            return trades.row(symbol, wire.recent_trade.decode(row), received_at)

        return self.read_rows(reversed(reply.result.rows), read, received_at)

    def newest_trade_ask(self, symbol: str) -> Ask:
        """See BaseCollector."""
        return Ask(f"/v5/market/recent-trade?category={self.category}&symbol={symbol}&limit=1")

    def decode_newest(self, body: bytes) -> int:
        """See BaseCollector."""
        try:
            rows = wire.newest.decode(body).result.rows
            return max((int(row.time) for row in rows), default=0) * NS_PER_MS
        except (*wire.UNREADABLE, ValueError) as error:
            msg = f"newest trade not understood: {error}"
            raise VenueError(msg) from error

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

    @classmethod
    def ranking(cls) -> Questions[list[Ranked]]:
        """See BaseCollector."""
        return ranking(cls.category)


class BybitSpotCollector(BybitCollector):
    """Bybit's spot category."""

    venue: ClassVar[Venue] = Venue.BYBIT_SPOT
    category: ClassVar[str] = "spot"
    recent_max: ClassVar[int] = 60
    klines: ClassVar[BybitKlines] = BybitKlines(venue, category)


class BybitLinearCollector(BybitCollector):
    """Bybit's linear category: USDT and USDC perpetuals and futures."""

    venue: ClassVar[Venue] = Venue.BYBIT_LINEAR
    category: ClassVar[str] = "linear"
    recent_max: ClassVar[int] = 1000
    klines: ClassVar[BybitKlines] = BybitKlines(venue, category)


def _control(frame: wire.Anything) -> Control | None:
    if frame.topic:
        return Control(ControlKind.SILENT, frame.topic)
    if frame.op in {"ping", "pong"} or frame.ret_msg == "pong":
        return Control(ControlKind.PONG)
    if frame.success is False:
        return Control(ControlKind.REFUSED, frame.ret_msg, frame.req_id)
    return Control(ControlKind.ACK, frame.op, frame.req_id) if frame.op else None
