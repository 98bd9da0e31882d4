"""How long the parts of a request may be, and that nobody can read two requests in one.

Questions are short: an address of 8 KiB holds every one, a body of 64 KiB every call of a tool.
Bodies are never decompressed, so there is no bomb to be refused.
"""

from typing import Final

from cloud_marketdata.api.edge.asked import Asked
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.security.refusals import (
    HeadersTooLargeError,
    TooLargeError,
    UnsupportedEncodingError,
    UriTooLongError,
)

ADDRESS_BYTES: Final = 8 * 1024
HEADERS: Final = 100
HEADER_BYTES: Final = 32 * 1024
BODY_BYTES: Final = 64 * 1024
_DIGITS: Final = 12


def check_sizes(asked: Asked) -> None:
    """Refuse what is too long, or says of its length what cannot be; raises RefusedError."""
    if asked.address_bytes > ADDRESS_BYTES:
        msg = f"path and query are longer than {ADDRESS_BYTES} bytes"
        raise UriTooLongError(msg)
    if asked.headers > HEADERS or asked.header_bytes > HEADER_BYTES:
        msg = f"there are more than {HEADERS} headers or {HEADER_BYTES} bytes of them"
        raise HeadersTooLargeError(msg)
    _check_body(asked)


def has_body(asked: Asked) -> bool:
    """Whether a body follows the headers, or must be feared to."""
    lengths = asked.all(b"content-length")
    none = all(length and not length.strip("0") for length in lengths)
    return not none or bool(asked.all(b"transfer-encoding"))


def too_large() -> TooLargeError:
    """Return the refusal of a body."""
    return TooLargeError(f"the body is longer than {BODY_BYTES} bytes")


def _check_body(asked: Asked) -> None:
    lengths = asked.all(b"content-length")
    if len(lengths) > 1 or (lengths and asked.all(b"transfer-encoding")):
        msg = "the length of the body is told in two ways"
        raise BadRequestError(msg)
    if lengths and not (lengths[0].isascii() and lengths[0].isdigit()):
        msg = "Content-Length is no number"
        raise BadRequestError(msg)
    if lengths and (len(lengths[0]) > _DIGITS or int(lengths[0]) > BODY_BYTES):
        raise too_large()
    if any(coding.strip().lower() != "identity" for coding in asked.all(b"content-encoding")):
        msg = "bodies are read as they are: leave Content-Encoding out"
        raise UnsupportedEncodingError(msg)
