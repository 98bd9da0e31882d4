"""Which web pages may ask: those of this service itself, and those that the settings name.

Only a browser sends Origin, and always for a page of somebody else. What is closed by default is
opened for single origins; no cookie is ever read, so credentials are never allowed to come along.
"""

from typing import Final

from starlette.responses import Response

from cloud_marketdata.api.edge.asked import Asked
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.refusals import OriginRefusedError

_METHODS: Final = "GET, POST, PUT, DELETE"
_ASKED: Final = (
    "Accept, Authorization, Content-Type, If-None-Match, Last-Event-ID, X-API-Key, "
    "MCP-Protocol-Version, Mcp-Method, Mcp-Name"
)
_TOLD: Final = (
    "Deprecation, ETag, Link, RateLimit, RateLimit-Policy, Retry-After, Sunset, X-API-Key-Expires, "
    "X-Quality, X-Request-ID"
)
_KEEP_S: Final = "600"
_PLAIN: Final = {"ws": "http", "wss": "https"}


class Origins:
    """The pages that may ask."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)

    def check(self, asked: Asked) -> str:
        """Return the foreign origin that is allowed to ask, or an empty text for our own or none.

        Raises OriginRefusedError.
        """
        given = asked.all(b"origin")
        if not given:
            return ""
        origin = given[0].lower() if len(given) == 1 else ""
        if origin in self._allowed:
            return given[0]
        if origin == f"{_PLAIN.get(asked.scheme, asked.scheme)}://{asked.first(b'host').lower()}":
            return ""
        msg = "a page of another origin asks; allowed_origins names those that may"
        raise OriginRefusedError(msg)


def asks_before(asked: Asked) -> bool:
    """Whether a browser asks whether it may ask (a preflight)."""
    return asked.method == "OPTIONS" and bool(asked.all(b"access-control-request-method"))


def permission() -> Response:
    """Return the answer to a preflight of an origin that is allowed."""
    told = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _ASKED,
        "Access-Control-Max-Age": _KEEP_S,
    }
    return Response(None, 204, told)


def opened(origin: str) -> list[tuple[bytes, bytes]]:
    """Return the headers by which a browser lets a page of an allowed origin read an answer."""
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", _TOLD.encode()),
    ]
