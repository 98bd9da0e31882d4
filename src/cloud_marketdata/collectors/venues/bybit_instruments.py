"""Ticks and lots from Bybit's instruments-info.

One listed symbol with unusable steps is left out; it must not take the others with it. A symbol
that is wanted and left out shows as unknown in `/health`.
"""

from typing import Final

import msgspec
from msgspec import Struct, field

from cloud_marketdata.collectors.venues.bybit_wire import UNREADABLE
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import BadNumberError, Venue, parse_decimal


class PriceFilter(Struct, rename="camel"):
    """The tick."""

    tick_size: str


class LotFilter(Struct, rename="camel"):
    """The lot: `qtyStep` on linear, `basePrecision` on spot."""

    qty_step: str = ""
    base_precision: str = ""


class Info(Struct, rename="camel"):
    """One listed instrument."""

    symbol: str
    price_filter: PriceFilter
    lot_size_filter: LotFilter


class Infos(Struct):
    """A page of instruments."""

    listed: list[Info] = field(name="list", default_factory=list)


class Reply(Struct, rename="camel"):
    """REST instruments-info, or its refusal."""

    ret_code: int
    ret_msg: str = ""
    result: Infos | None = None


_NO_SUCH_SYMBOL: Final = 10001
_reply = msgspec.json.Decoder(Reply)


def instruments(body: bytes, venue: Venue) -> list[Instrument]:
    """Read an instruments-info body; raises VenueError when it is not one."""
    try:
        reply = _reply.decode(body)
    except UNREADABLE as error:
        msg = f"instruments-info not understood: {error}"
        raise VenueError(msg) from error
    if reply.ret_code == _NO_SUCH_SYMBOL:
        return []
    if reply.ret_code or reply.result is None:
        msg = f"instruments-info refused: {reply.ret_code} {reply.ret_msg}"
        raise VenueError(msg)
    made = (_instrument(item, venue) for item in reply.result.listed)
    return [instrument for instrument in made if instrument]


def _instrument(item: Info, venue: Venue) -> Instrument | None:
    lot = item.lot_size_filter.qty_step or item.lot_size_filter.base_precision
    try:
        scale = Scale(parse_decimal(item.price_filter.tick_size), parse_decimal(lot))
    except BadNumberError:
        return None
    return Instrument(venue, item.symbol, scale)
