"""Until when a certificate is good, read from its DER: the standard library shows no own one.

Only as much of X.690 is understood as leads there: definite lengths, and the two kinds of time that
RFC 5280 allows.
"""

import ssl
from datetime import UTC, datetime
from typing import Final, NamedTuple

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG: Final = 0x80
_HALF: Final = 50
"""UTCTime has two digits for the year: from 50 on they are of the last century (RFC 5280)."""


class _Part(NamedTuple):
    tag: int
    content: bytes
    rest: bytes


def expiry_of(pem: str) -> datetime:
    """Return when the first certificate of a PEM text ends; raises ValueError where there is none.

    The first one is the server's own; what follows vouches for it.
    """
    start = pem.find(_BEGIN)
    end = pem.find(_END, start)
    if start < 0 or end < 0:
        msg = "no certificate in the text"
        raise ValueError(msg)
    certificate = _next(ssl.PEM_cert_to_DER_cert(pem[start : end + len(_END)]))
    rest = _next(certificate.content).content
    # The version is optional; then serial number, algorithm and issuer, then the two times.
    for _ in range(4 if rest[0] == _VERSION else 3):
        rest = _next(rest).rest
    return _time(_next(_next(_next(rest).content).rest))


def _next(der: bytes) -> _Part:
    """Split the first element from what follows it."""
    tag, length, at = der[0], der[1], 2
    if length & _LONG:
        size = length & ~_LONG
        length, at = int.from_bytes(der[2 : 2 + size], "big"), 2 + size
    return _Part(tag, der[at : at + length], der[at + length :])


def _time(part: _Part) -> datetime:
    digits = part.content.decode("ascii").removesuffix("Z")
    if part.tag == _UTC_TIME:
        digits = ("19" if int(digits[:2]) >= _HALF else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
