"""What a recording holds, read once before it is played.

The streams tell when the audience is complete; the listing is inferred from the decimals in use,
because a capture does not say its tick; the early books answer a depth request that comes before
the recorded snapshot has been reached. A broken capture is found here, before anything is served.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.listing import Listing, on_grid
from cloud_marketdata.simulator.shadow import ShadowBooks
from cloud_marketdata.simulator.streams import symbol_of


class Survey(Struct):
    """Streams by name, and a listing for each symbol they name."""

    streams: set[str]
    listings: dict[str, Listing]


class _Named(Struct):
    stream: str = ""
    topic: str = ""
    data: Raw = Raw()


class _Trade(Struct):
    p: str
    q: str = ""
    v: str = ""


_named = msgspec.json.Decoder(_Named)
_trades = msgspec.json.Decoder(_Trade | list[_Trade])
_BINANCE_TRADES = ("trade", "aggTrade")


def survey(frames: Iterable[Frame]) -> Survey:
    """Read a recording to its end."""
    streams: set[str] = set()
    places: dict[str, tuple[int, int]] = {}
    for frame in frames:
        try:
            named = _named.decode(frame.payload)
            name = named.stream or named.topic
            streams.add(name)
            if _is_trade(name):
                _widen(places, symbol_of(name), named.data)
        except msgspec.MsgspecError:
            continue
    streams.discard("")
    symbols = sorted({symbol_of(name) for name in streams} - {""})
    listings = {
        s: on_grid(s, *(Decimal(1).scaleb(-p) for p in places.get(s, (8, 8)))) for s in symbols
    }
    return Survey(streams, listings)


def early_books(venue: Venue, frames: Iterable[Frame], symbols: Iterable[str]) -> ShadowBooks:
    """Return the books at the first frame after which each symbol has been joined."""
    books, waiting = ShadowBooks(venue), set(symbols)
    for frame in frames:
        books.receive(frame.payload)
        if frame.payload.startswith(b'{"lastUpdateId"'):
            waiting = {symbol for symbol in waiting if books.snapshot(symbol, 1) is None}
            if not waiting:
                break
    return books


def _is_trade(name: str) -> bool:
    return name.startswith("publicTrade.") or name.partition("@")[2] in _BINANCE_TRADES


def _widen(places: dict[str, tuple[int, int]], symbol: str, data: Raw) -> None:
    trades = _trades.decode(data)
    price, size = places.get(symbol, (0, 0))
    for trade in trades if isinstance(trades, list) else [trades]:
        price = max(price, _decimals(trade.p))
        size = max(size, _decimals(trade.q or trade.v))
    places[symbol] = (price, size)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))
