"""Opaque cursors of the tape: a place in the log, from which any process over it can go on.

A place is an entry and how many of its trades were given, in a log of one epoch: another log holds
other entries under the same positions, so a cursor of an epoch that is gone is refused.
"""

import base64
import binascii

import msgspec

from cloud_marketdata.api.cursors import BadCursorError
from cloud_marketdata.storage.ports import Stream

_FOREIGN = "the cursor was not made by this service"


class TapeCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where to go on.

    market: venue/symbol. epoch: the log's name. position, given: the log entry, and how many of its
    trades were given. high: the highest sequence that was ever given. time: the match time (ns) of
    the last trade given, or when the tape was begun.
    """

    market: str
    epoch: str
    position: int
    given: int
    high: int | None
    time: int


def market_of(stream: Stream) -> str:
    """Return the market that a cursor names."""
    return f"{stream.venue.value}/{stream.symbol}"


def encode(cursor: TapeCursor) -> str:
    """Return the cursor as text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode(text: str, stream: Stream) -> TapeCursor:
    """Read a cursor that `encode` made for this market; raises BadCursorError."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(data, type=TapeCursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise BadCursorError(_FOREIGN) from None
    if cursor.position < 0 or cursor.given < 0:
        raise BadCursorError(_FOREIGN)
    if cursor.market != market_of(stream):
        msg = f"the cursor belongs to {cursor.market[:60]}, not to {market_of(stream)}"
        raise BadCursorError(msg)
    return cursor
