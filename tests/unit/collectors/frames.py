"""Frames and events in the smallest form that is still what the venues send."""

from decimal import Decimal

import msgspec

from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.domain.events import BestQuote, BookDelta, BookSnapshot, Level, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_MS, Side, Venue

MS = 1_723_161_255_000
AT = MS * NS_PER_MS
SCALE = Scale(Decimal("0.10"), Decimal("0.001"))
BTC = Instrument(Venue.BINANCE_USDM, "BTCUSDT", SCALE)


def instruments(venue: Venue) -> list[Instrument]:
    """Return the two symbols that these tests know."""
    return [Instrument(venue, symbol, SCALE) for symbol in ("BTCUSDT", "ETHUSDT")]


def collector(venue: Venue):
    """Return the collector of a venue that knows two symbols."""
    known = instruments(venue)
    return VENUES[venue](Rulers(venue, known), Rulers(venue, known), "aggTrade")


def intake(venue: Venue) -> tuple[Intake, Rejections]:
    """Return an intake that knows two symbols, and its rejections."""
    rejections = Rejections()
    return Intake(collector(venue), Desks(venue), rejections), rejections


def js(value: object) -> bytes:
    """Encode as a venue does: without blanks."""
    return msgspec.json.encode(value)


def wrapped(stream: str, data: object) -> bytes:
    """Return a frame of a combined stream of Binance."""
    return js({"stream": stream, "data": data})


def agg(**changed: object) -> dict[str, object]:
    """Return the data of an `@aggTrade`."""
    return {
        "e": "aggTrade",
        "E": MS + 5,
        "s": "BTCUSDT",
        "a": 100,
        "p": "61800.30",
        "q": "0.006",
        "f": 7,
        "l": 9,
        "T": MS,
        "m": False,
        "M": True,
    } | changed


def single(**changed: object) -> dict[str, object]:
    """Return the data of an `@trade`."""
    return {
        "e": "trade",
        "E": MS + 5,
        "T": MS,
        "s": "BTCUSDT",
        "t": 100,
        "p": "61800.30",
        "q": "0.006",
        "X": "MARKET",
        "m": False,
    } | changed


def depth(**changed: object) -> dict[str, object]:
    """Return the data of an `@depth` of USD-M."""
    return {
        "e": "depthUpdate",
        "E": MS + 5,
        "T": MS,
        "s": "BTCUSDT",
        "U": 11,
        "u": 15,
        "pu": 10,
        "b": [["61800.20", "1.500"]],
        "a": [["61800.30", "0.000"]],
    } | changed


def item(**changed: object) -> dict[str, object]:
    """Return one item of Bybit's `publicTrade`."""
    return {
        "T": MS,
        "s": "BTCUSDT",
        "S": "Buy",
        "v": "0.004",
        "p": "65114.20",
        "L": "ZeroPlusTick",
        "i": "a9188a0a-82bc-50de-be60-03eedbe3cdd7",
        "BT": False,
        "RPI": False,
        "seq": 77,
    } | changed


def trades(*items: dict[str, object]) -> bytes:
    """Return a `publicTrade` frame."""
    return js({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": MS, "data": items})


def orderbook(kind: str, u: int, *, level: int = 200, symbol: str = "BTCUSDT") -> bytes:
    """Return an `orderbook` frame."""
    data = {"s": symbol, "b": [["65114.20", "1.5"]], "a": [["65114.30", "2"]], "u": u, "seq": u}
    topic = f"orderbook.{level}.{symbol}"
    return js({"topic": topic, "type": kind, "ts": MS + 9, "data": data, "cts": MS})


def delta(
    first: int,
    last: int,
    previous: int | None = None,
    bids: tuple[Level, ...] = (),
    asks: tuple[Level, ...] = (),
) -> BookDelta:
    """Return a delta of BTCUSDT."""
    return BookDelta(BTC, first, last, previous, bids, asks, AT + last, AT + last)


def snapshot(
    at: int, bids: tuple[Level, ...] = ((10, 1),), asks: tuple[Level, ...] = ((20, 1),)
) -> BookSnapshot:
    """Return a snapshot of BTCUSDT."""
    return BookSnapshot(BTC, at, bids, asks, AT, AT)


def quote(at: int, bid: Level = (10, 1), ask: Level = (20, 1)) -> BestQuote:
    """Return a ticker of BTCUSDT."""
    return BestQuote(BTC, at, bid, ask, AT)


def trade(number: int | str, *, time: int = AT, price: int = 5, size: int = 7) -> TradeEvent:
    """Return a trade of BTCUSDT."""
    sequence = number if isinstance(number, int) else 0
    return TradeEvent(BTC, number, price, size, Side.BUY, time, time + 5, sequence)
