"""Ticks and lots from Binance's exchangeInfo.

One listed symbol with unusable filters is left out; it must not take the others with it. A symbol
that is wanted and left out shows as unknown in `/health`.
"""

from typing import Final

import msgspec
from msgspec import Struct

from cloud_marketdata.collectors.venues.binance_wire import UNREADABLE
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import BadNumberError, Venue, parse_decimal


class SymbolFilter(Struct):
    """One filter of a symbol; PRICE_FILTER has the tick, LOT_SIZE the lot."""

    filterType: str  # noqa: N815  the venue's name
    tickSize: str = ""  # noqa: N815
    stepSize: str = ""  # noqa: N815


class SymbolInfo(Struct):
    """One listed symbol."""

    symbol: str
    filters: list[SymbolFilter]


class ExchangeInfo(Struct):
    """REST exchangeInfo, or its refusal."""

    symbols: list[SymbolInfo] | None = None
    code: int = 0
    msg: str = ""


_UNKNOWN_SYMBOL: Final = -1121
_exchange_info = msgspec.json.Decoder(ExchangeInfo)


def instruments(body: bytes, venue: Venue) -> list[Instrument]:
    """Read an exchangeInfo body; raises VenueError when it is not one."""
    try:
        info = _exchange_info.decode(body)
    except UNREADABLE as error:
        msg = f"exchangeInfo not understood: {error}"
        raise VenueError(msg) from error
    if info.symbols is not None:
        made = (_instrument(item, venue) for item in info.symbols)
        return [instrument for instrument in made if instrument]
    if info.code == _UNKNOWN_SYMBOL:
        return []
    msg = f"exchangeInfo refused: {info.code} {info.msg}"
    raise VenueError(msg)


def _instrument(item: SymbolInfo, venue: Venue) -> Instrument | None:
    steps = {entry.filterType: entry.tickSize or entry.stepSize for entry in item.filters}
    try:
        scale = Scale(
            parse_decimal(steps.get("PRICE_FILTER", "")), parse_decimal(steps.get("LOT_SIZE", ""))
        )
    except BadNumberError:
        return None
    return Instrument(venue, item.symbol, scale)
