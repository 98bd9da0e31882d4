"""Binance: how the wire messages of spot and USD-M become events.

What the two markets do differently stands in `binance_spot` and `binance_usdm`; the messages
themselves in `binance_wire`.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from cloud_marketdata.collectors.base import BaseCollector, Command, Control, ControlKind, Decoded
from cloud_marketdata.collectors.lanes.rulers import Ruler, Rulers, UnknownSymbolError
from cloud_marketdata.collectors.lanes.sequence import BookRule
from cloud_marketdata.collectors.venues import binance_wire as wire
from cloud_marketdata.collectors.venues.binance_instruments import instruments
from cloud_marketdata.collectors.venues.binance_klines import BinanceKlines
from cloud_marketdata.collectors.venues.binance_trades import BinanceTrades
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Level,
    Rejection,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, BadNumberError

_CHUNK: Final = 100


class BinanceBooks:
    """Books by `@depth@100ms` and a REST snapshot."""

    def __init__(self, rulers: Rulers, rule: BookRule) -> None:
        self.rulers = rulers
        self.rule = rule

    def topic(self, symbol: str) -> str:
        """See `Part`."""
        return f"{symbol.lower()}@depth@100ms"

    def delta(self, m: wire.DepthUpdate, received_at: int) -> BookDelta:
        """Turn one depth event into a delta; raises UnknownSymbolError or BadNumberError."""
        ruler = self._ruler(m.s, m.b or m.a)
        bids, asks = _both(ruler, m.b, m.a)
        time = m.E if m.T is None else m.T
        return BookDelta(
            ruler.instrument, m.U, m.u, m.pu, bids, asks, time * NS_PER_MS, received_at
        )

    def snapshot(self, symbol: str, m: wire.Depth, received_at: int) -> BookSnapshot:
        """Turn a REST book into a snapshot; raises UnknownSymbolError or BadNumberError."""
        ruler = self._ruler(symbol, m.bids or m.asks)
        bids, asks = _both(ruler, m.bids, m.asks)
        time = received_at if m.T is None else m.T * NS_PER_MS
        return BookSnapshot(ruler.instrument, m.lastUpdateId, bids, asks, time, received_at)

    def quote(self, m: wire.BookTicker | wire.SpotBookTicker, received_at: int) -> BestQuote:
        """Turn a ticker into a quote; raises UnknownSymbolError or BadNumberError."""
        ruler = self._ruler(m.s, [(m.b, m.B)])
        bids, asks = _both(ruler, [(m.b, m.B)], [(m.a, m.A)])
        return BestQuote(ruler.instrument, m.u, bids[0], asks[0], received_at)

    def _ruler(self, symbol: str, pairs: wire.Pairs) -> Ruler:
        return self.rulers.get(symbol) or self.rulers.learn(symbol, *(pairs or _NO_PAIRS)[0])


_NO_PAIRS: Final[wire.Pairs] = [("1", "1")]


def _both(
    ruler: Ruler, bids: wire.Pairs, asks: wire.Pairs
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    before = ruler.instrument
    sides = ruler.levels(bids), ruler.levels(asks)
    # Asks that refined the scale leave the bids counted in old steps: count both again.
    return sides if ruler.instrument is before else (ruler.levels(bids), ruler.levels(asks))


class BinanceCollector(BaseCollector):
    """What spot and USD-M share: combined streams, SUBSCRIBE, the decoding of every frame."""

    trades: BinanceTrades
    books: BinanceBooks
    rule: ClassVar[BookRule]
    klines: ClassVar[BinanceKlines]
    topics_max: ClassVar[int] = 1024
    snapshot_levels: ClassVar[int | None] = 1000

    def __init__(self, trade_rulers: Rulers, book_rulers: Rulers, trade_stream: str) -> None:
        self.trades = BinanceTrades(trade_rulers, trade_stream)
        self.books = BinanceBooks(book_rulers, self.rule)
        self._commanded = 0
        self._readers: dict[type, Callable[[Any, int], Decoded]] = {
            wire.Trade: self.trades.trade,
            wire.AggTrade: self.trades.aggregate,
            wire.DepthUpdate: self.books.delta,
            wire.BookTicker: self.books.quote,
            wire.SpotBookTicker: self.books.quote,
        }

    def decode(self, payload: bytes, received_at: int) -> Sequence[Decoded]:
        """See BaseCollector."""
        message: wire.Message
        try:
            if payload.startswith(wire.WRAPPED):
                frame = wire.combined.decode(payload)
                message = frame.data
                if type(message) is wire.DepthUpdate and frame.another_book:
                    return (Control(ControlKind.SILENT, frame.stream.partition("@")[2]),)
            else:
                message = wire.bare.decode(payload)
            return (self._readers[type(message)](message, received_at),)
        except wire.UNREADABLE:
            return (self._other(payload, received_at),)
        except UnknownSymbolError as error:
            return (self.reject("unknown_symbol", str(error), payload, received_at),)
        except BadNumberError as error:
            return (self.reject("bad_number", str(error), payload, received_at),)

    def _other(self, payload: bytes, received_at: int) -> Decoded:
        try:
            frame = wire.anything.decode(payload)
            if frame.data is not UNSET:
                payload = bytes(frame.data)
                frame = wire.anything.decode(payload)
            return self._control(frame) or self._typed(frame, payload, received_at)
        except msgspec.ValidationError as error:
            return self.reject("schema", str(error), payload, received_at)
        except wire.UNREADABLE as error:
            return self.reject("malformed", str(error), payload, received_at)
        except UnknownSymbolError as error:
            return self.reject("unknown_symbol", str(error), payload, received_at)
        except BadNumberError as error:
            return self.reject("bad_number", str(error), payload, received_at)

    def _typed(self, frame: wire.Anything, payload: bytes, received_at: int) -> Decoded:
        if frame.e in wire.TAGS:
            # Either its fields came in an unusual order or they are wrong, which raises again.
            message = wire.bare.decode(payload)
            return self._readers[type(message)](message, received_at)
        if frame.u is not None and frame.B is not None:
            return self.books.quote(wire.spot_ticker.decode(payload), received_at)
        return self.reject("unrecognised", "no known event and no answer", payload, received_at)

    @staticmethod
    def _control(frame: wire.Anything) -> Control | None:
        if frame.e == "serverShutdown":
            return Control(ControlKind.SHUTDOWN)
        if frame.e:
            return None if frame.e in wire.TAGS else Control(ControlKind.SILENT, frame.e)
        if frame.code is not None or frame.error is not None:
            detail = f"{frame.code} {frame.msg or frame.error}"
            return Control(ControlKind.REFUSED, detail, _ref(frame.id))
        if frame.id is not UNSET:
            return Control(ControlKind.ACK, str(frame.id), _ref(frame.id))
        if frame.lastUpdateId is not None:
            return Control(ControlKind.SILENT, "partial depth")
        return None

    def subscribe(self, topics: Sequence[str]) -> list[Command]:
        """See BaseCollector."""
        return self._commands("SUBSCRIBE", topics)

    def unsubscribe(self, topics: Sequence[str]) -> list[Command]:
        """See BaseCollector."""
        return self._commands("UNSUBSCRIBE", topics)

    def _commands(self, method: str, topics: Sequence[str]) -> list[Command]:
        """Return commands whose ids are positive, ascending, and used once on this connection."""
        made = []
        for at in range(0, len(topics), _CHUNK):
            part = tuple(topics[at : at + _CHUNK])
            self._commanded += 1
            body = {"method": method, "params": part, "id": self._commanded}
            made.append(Command(str(self._commanded), msgspec.json.encode(body), part))
        return made

    def ticker(self, symbol: str) -> str | None:
        """See BaseCollector: `u` of a bookTicker is the update id of the book it shows."""
        return f"{symbol.lower()}@bookTicker"

    def decode_newest(self, body: bytes) -> int:
        """See BaseCollector."""
        try:
            return max((row.T for row in wire.newest.decode(body)), default=0) * NS_PER_MS
        except wire.UNREADABLE as error:
            msg = f"newest trade not understood: {error}"
            raise VenueError(msg) from error

    def decode_snapshot(
        self, symbol: str, body: bytes, received_at: int
    ) -> BookSnapshot | Rejection:
        """See BaseCollector."""
        try:
            return self.books.snapshot(symbol, wire.depth.decode(body), received_at)
        except (*wire.UNREADABLE, UnknownSymbolError, BadNumberError) as error:
            return self.reject("snapshot", str(error), body, received_at)

    def decode_trades(
        self, symbol: str, body: bytes, received_at: int
    ) -> list[TradeEvent | Rejection]:
        """See BaseCollector."""
        try:
            rows = wire.rows.decode(body)
        except wire.UNREADABLE:
            return [self.reject("trades", body[:200].decode(errors="replace"), body, received_at)]
        trades = BinanceTrades(self.trades.rulers, self.trades.stream)
        return self.read_rows(rows, lambda row: trades.row(symbol, row, received_at), received_at)

    @classmethod
    def decode_instruments(cls, body: bytes) -> list[Instrument]:
        """See BaseCollector."""
        return instruments(body, cls.venue)


def _ref(given: int | str | UnsetType | None) -> str:
    return "" if given is UNSET or given is None else str(given)
