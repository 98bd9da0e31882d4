"""What a stream's name says, in the names of Binance and of Bybit; pure."""

from typing import Final

TRADES: Final = ("trade", "aggTrade", "publicTrade")


def symbol_of(stream: str) -> str:
    """Return the symbol in a stream's name, or "" where it has none."""
    if "@" in stream:
        return stream.partition("@")[0].upper()
    return stream.rpartition(".")[2]


def target_of(stream: str) -> str:
    """Return whether a stream brings trade, depth, ticker or (any) other messages."""
    kind = stream.partition("@")[2] or stream.partition(".")[0]
    if kind in TRADES:
        return "trade"
    if kind.startswith(("depth", "orderbook")):
        return "depth"
    return "ticker" if kind in {"bookTicker", "tickers"} else "other"


def book_of(stream: str) -> str:
    """Return the name under which the messages of one book are counted.

    All of a Binance symbol's streams share its update ids; each topic of Bybit has its own.
    """
    return symbol_of(stream) if "@" in stream else stream
