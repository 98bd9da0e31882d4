"""Instruments from a file: our short form, or a venue's own REST answer as it came.

Short form: `{"<venue>": {"<SYMBOL>": {"tick_size": "0.10", "lot_size": "0.001"}}}`.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.errors import BadRequestError, VenueError
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import BadNumberError, Venue, parse_decimal


class _Steps(Struct):
    tick_size: str
    lot_size: str


def read_instruments(path: Path, venue: Venue) -> list[Instrument]:
    """Return the venue's instruments in the file; raises BadRequestError where it is not usable."""
    try:
        body = path.read_bytes()
    except OSError as error:
        msg = f"cannot read instruments file {path}: {error.strerror}"
        raise BadRequestError(msg) from error
    try:
        return _short(body, venue)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except BadNumberError as error:
        msg = f"instruments file {path}: {error}"
        raise BadRequestError(msg) from error
    try:
        return VENUES[venue].decode_instruments(body)
    except VenueError as error:
        msg = f"instruments file {path} is neither our form nor {venue}'s: {error}"
        raise BadRequestError(msg) from error


def _short(body: bytes, venue: Venue) -> list[Instrument]:
    listed = msgspec.json.decode(body, type=dict[Venue, dict[str, _Steps]])
    return [
        Instrument(
            venue, symbol, Scale(parse_decimal(steps.tick_size), parse_decimal(steps.lot_size))
        )
        for symbol, steps in listed.get(venue, {}).items()
    ]
