"""Binance's symbols by 24 h quote volume: exchangeInfo tells what trades, ticker/24hr how much.

A symbol that does not trade now, or whose volume is no plain decimal, has no rank.
"""

from typing import Final

import msgspec
from msgspec import Struct

from cloud_marketdata.collectors.base import Ask, Questions
from cloud_marketdata.collectors.ranking import Ranked, volumes
from cloud_marketdata.collectors.venues.binance_wire import UNREADABLE
from cloud_marketdata.core.errors import VenueError


class Listed(Struct, rename="camel"):
    """What exchangeInfo says of a symbol, as far as a rank needs it."""

    symbol: str
    status: str
    quote_asset: str


class Info(Struct):
    """REST exchangeInfo."""

    symbols: list[Listed]


class Ticker(Struct, rename="camel"):
    """One row of ticker/24hr."""

    symbol: str
    quote_volume: str


_TRADING: Final = "TRADING"
_info = msgspec.json.Decoder(Info)
_tickers = msgspec.json.Decoder(list[Ticker])


def ranking(info: Ask, tickers: Ask) -> Questions[list[Ranked]]:
    """Ask both and return the ranking; raises VenueError when an answer is none."""
    listing, traded = (yield info), (yield tickers)
    try:
        listed, rows = _info.decode(listing).symbols, _tickers.decode(traded)
    except UNREADABLE as error:
        msg = f"ranking not understood: {error}"
        raise VenueError(msg) from error
    known = volumes((row.symbol, row.quote_volume) for row in rows)
    return [
        Ranked(item.symbol, item.quote_asset, known[item.symbol])
        for item in listed
        if item.status == _TRADING and item.symbol in known
    ]
