"""Binance: how the wire messages of spot and USD-M become events.

What the two markets do differently stands in `binance_spot` and `binance_usdm`; the messages
themselves in `binance_wire`.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import msgspec
from msgspec import UNSET

from cloud_marketdata.collectors.base import BaseCollector, Control, ControlKind, Decoded
from cloud_marketdata.collectors.rulers import Ruler, Rulers, UnknownSymbolError
from cloud_marketdata.collectors.sequence import BookRule
from cloud_marketdata.collectors.venues import binance_wire as wire
from cloud_marketdata.collectors.venues.binance_instruments import instruments
from cloud_marketdata.domain.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Level,
    Rejection,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import (
    NS_PER_MS,
    BadNumberError,
    Side,
    TradeFlag,
)

# Looking a member up in its enum costs as much as making the event.
_BUY: Final = Side.BUY
_SELL: Final = Side.SELL
KINDS: Final = {
    "MARKET": TradeFlag.NONE,
    "RPI": TradeFlag.RPI,
    "INSURANCE_FUND": TradeFlag.INSURANCE_FUND,
    "ADL": TradeFlag.ADL,
}


_TOLD_TWICE: Final = Control(ControlKind.SILENT, "trade beside aggTrade")


class BinanceTrades:
    """Trades by `@aggTrade`, which can be back-filled exactly, or by `@trade`.

    They are two tellings of one tape with ids of their own. A capture may hold both: the first one
    seen for a symbol is followed, or every trade would count twice.
    """

    def __init__(self, rulers: Rulers, stream: str) -> None:
        self.rulers = rulers
        self.stream = stream
        self._followed: dict[str, type[wire.Trade | wire.AggTrade]] = {}

    def topic(self, symbol: str) -> str:
        """See `Part`."""
        return f"{symbol.lower()}@{self.stream}"

    def trade(self, m: wire.Trade, received_at: int) -> TradeEvent | Control:
        """Turn one `@trade` into an event; raises UnknownSymbolError or BadNumberError."""
        if self._followed.setdefault(m.s, wire.Trade) is not wire.Trade:
            return _TOLD_TWICE
        ruler = self.rulers.get(m.s) or self.rulers.learn(m.s, m.p, m.q)
        price, size = ruler.trade(m.p, m.q)
        return TradeEvent(
            ruler.instrument,
            m.t,
            price,
            size,
            _SELL if m.m else _BUY,
            m.T * NS_PER_MS,
            received_at,
            m.t,
            1,
            0 if m.X == "MARKET" else KINDS.get(m.X, TradeFlag.OFF_BOOK),
        )

    def aggregate(self, m: wire.AggTrade, received_at: int) -> TradeEvent | Control:
        """Turn one `@aggTrade` into an event; raises UnknownSymbolError or BadNumberError."""
        if self._followed.setdefault(m.s, wire.AggTrade) is not wire.AggTrade:
            return _TOLD_TWICE
        ruler = self.rulers.get(m.s) or self.rulers.learn(m.s, m.p, m.q)
        price, size = ruler.trade(m.p, m.q)
        return TradeEvent(
            ruler.instrument,
            m.a,
            price,
            size,
            _SELL if m.m else _BUY,
            m.T * NS_PER_MS,
            received_at,
            m.a,
            m.l - m.f + 1,
        )


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
    info_path: ClassVar[str]

    def __init__(self, trade_rulers: Rulers, book_rulers: Rulers, trade_stream: str) -> None:
        self.trades = BinanceTrades(trade_rulers, trade_stream)
        self.books = BinanceBooks(book_rulers, self.rule)
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
            return Control(ControlKind.REFUSED, f"{frame.code} {frame.msg or frame.error}")
        if frame.id is not UNSET:
            return Control(ControlKind.ACK, str(frame.id))
        if frame.lastUpdateId is not None:
            return Control(ControlKind.SILENT, "partial depth")
        return None

    def resubscribe(self, symbol: str) -> tuple[bytes, ...]:
        """Nothing: Binance's snapshots come by REST."""
        del symbol
        return ()

    def decode_snapshot(
        self, symbol: str, body: bytes, received_at: int
    ) -> BookSnapshot | Rejection:
        """See BaseCollector."""
        try:
            return self.books.snapshot(symbol, wire.depth.decode(body), received_at)
        except (*wire.UNREADABLE, UnknownSymbolError, BadNumberError) as error:
            return self.reject("snapshot", str(error), body, received_at)

    @classmethod
    def decode_instruments(cls, body: bytes) -> list[Instrument]:
        """See BaseCollector."""
        return instruments(body, cls.venue)


def subscribe(topics: Sequence[str], *, first_id: int = 1, chunk: int = 100) -> tuple[bytes, ...]:
    """Return SUBSCRIBE messages; ids are positive and ascending."""
    chunks = [topics[at : at + chunk] for at in range(0, len(topics), chunk)]
    return tuple(
        msgspec.json.encode({"method": "SUBSCRIBE", "params": part, "id": number})
        for number, part in enumerate(chunks, first_id)
    )
