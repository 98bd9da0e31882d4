"""Compression of answers, zstd before gzip, where the asker can read it and it is worth it.

It is done to an answer of REST and nowhere else: event streams and MCP never pass here, because
what compresses by changing headers on the way would change those that their library reuses.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import zstandard

from cloud_marketdata.api.wire.preferences import Headers, listed, preferences

LEAST_BYTES: Final = 1000
_ZSTD_LEVEL: Final = 3
_GZIP_LEVEL: Final = 6
_GZIP_WINDOW: Final = 31
_IDENTITY: Final = "identity"


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


def _zstd(body: bytes) -> bytes:
    return zstandard.compress(body, _ZSTD_LEVEL)


CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"zstd": _zstd, "gzip": _gzip}
"""Content codings by name, the preferred first."""


def wanted_coding(headers: Headers) -> str | None:
    """Return the coding that a request likes best, or None for the plain body.

    A plain body is also what it gets that forbids all there is.
    """
    accept = listed(headers, b"accept-encoding")
    if not accept:
        return None
    given = dict(preferences(accept))
    others = given.get("*", 0.0)
    weights = {name: given.get(name, others) for name in CODINGS}
    best = max(CODINGS, key=lambda name: weights[name])
    # Who says nothing of the plain body takes it, but likes less what it did not name.
    plain = given.get(_IDENTITY, 0.0)
    return best if weights[best] > 0 and weights[best] >= plain else None
