"""Opaque cursors: where the next page begins, and which question it belongs to.

A cursor carries its whole place, so any process can answer the next page. It is bound to the
question's identity and refused for another one, instead of quietly answering something else.
"""

import base64
import binascii

import msgspec

from cloud_marketdata.core.errors import BadRequestError


class BadCursorError(BadRequestError):
    """The cursor was not made by this service, or for another question."""

    code = "bad_cursor"


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where to go on.

    question: what it belongs to, e.g. trades|binance-spot|BTCUSDT.
    end: end of the asked range in ns, or None for a tape that goes on.
    time, sequence: key of the last thing already given, or where the next page starts.
    name: in place of a sequence, where the key is a time and a name.
    """

    question: str
    end: int | None
    time: int
    sequence: int
    name: str = ""


def encode(cursor: Cursor) -> str:
    """Return the cursor as URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode(text: str, question: str) -> Cursor:
    """Read a cursor that `encode` made for this question; raises BadCursorError."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(data, type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        msg = "the cursor was not made by this service"
        raise BadCursorError(msg) from None
    if cursor.question != question:
        msg = f"the cursor belongs to {cursor.question[:80]}, not to {question}"
        raise BadCursorError(msg)
    return cursor
