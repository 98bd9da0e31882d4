"""What each route needs: every one stands here, or it is refused.

A route that is added to the application and forgotten here is never reached, with whatever key;
a test walks all routes and demands each. The documents that describe the service are open to all,
and so are `/live`, `/ready` and `/health`, which tell strangers no more than how it is.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from cloud_marketdata.security.identity import Scope

MCP_PATH: Final = "/mcp"
SOCKET: Final = "WEBSOCKET"
"""What stands for the method of a WebSocket's handshake."""
_MARKET: Final = "/v1/markets/{venue}/{symbol}"


class Need(NamedTuple):
    """Whether somebody must be known, and which scope he must have.

    probe: whether no store is asked, neither for who it is nor for his limit, which this process
        counts alone: a prober shall not end a process because Redis is away.
    """

    known: bool
    scope: Scope | None = None
    probe: bool = False


PROBE: Final = Need(known=False, probe=True)
OPEN: Final = Need(known=False)
KNOWN: Final = Need(known=True)

NEEDS: Final[Mapping[Need, tuple[str, ...]]] = {
    OPEN: (
        "GET /health",
        "GET /openapi.json",
        "GET /asyncapi.json",
        # Who connects may show the key in his first message; until then he gets nothing.
        f"{SOCKET} /v1/stream",
    ),
    PROBE: ("GET /live", "GET /ready"),
    KNOWN: (
        "GET /v1/keys/self",
        "POST /v1/keys/self/rotate",
        # Each tool has a scope of its own.
        f"POST {MCP_PATH}",
    ),
    Need(known=True, scope=Scope.MARKET_READ): (
        "GET /v1/markets",
        "GET /v1/rejections",
        f"GET {_MARKET}/trades",
        f"GET {_MARKET}/candles",
        f"GET {_MARKET}/depth",
        f"GET {_MARKET}/coverage",
        f"GET {_MARKET}/volume-profile",
        f"GET {_MARKET}/volume-profile/developing",
        f"GET {_MARKET}/volume-profile/naked",
        f"GET {_MARKET}/order-flow",
        f"GET {_MARKET}/footprint",
        f"GET {_MARKET}/activity-bars",
        f"GET {_MARKET}/anomalies",
        f"GET {_MARKET}/reconciliation",
        "GET /v1/pairs/{symbol}/anomalies",
        "GET /v1/composite/{symbol}/volume-profile",
        "GET /v1/composite/{symbol}/order-flow",
        "GET /v1/composite/{symbol}/lead-lag",
    ),
    Need(known=True, scope=Scope.STREAM_READ): ("GET /v1/stream/sse",),
    Need(known=True, scope=Scope.KEYS_ADMIN): (
        "GET /v1/keys",
        "POST /v1/keys",
        "GET /v1/keys/{key_id}",
        "DELETE /v1/keys/{key_id}",
        "POST /v1/keys/{key_id}/rotate",
        "GET /v1/admin/symbols",
        "PUT /v1/admin/symbols/{venue}/{symbol}",
        "DELETE /v1/admin/symbols/{venue}/{symbol}",
    ),
    Need(known=True, scope=Scope.AUDIT_READ): ("GET /v1/audit",),
    Need(known=True, scope=Scope.METRICS_READ): ("GET /metrics",),
}
"""Method and template of every route, by what it needs."""
