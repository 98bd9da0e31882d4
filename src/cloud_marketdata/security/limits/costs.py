"""What a question costs, in units of a limit: by the template of its route, or the tool's name.

One unit is what a small read costs. A tool costs as much as the question of REST that it asks. What
is not named costs one unit; a test demands that every route and every tool is named.
"""

from typing import Final

FAILED_KEY: Final = 10
"""What a wrong key costs its address, beside the request that showed it."""
EXPORTED: Final = 10
"""What an answer as CSV, Parquet or Arrow costs at least."""
_READ, _PAGE, _COMPUTED, _COMBINED = 1, 2, 5, 10
_MARKET: Final = "/v1/markets/{venue}/{symbol}"
_COMPOSITE: Final = "/v1/composite/{symbol}"
_SYMBOLS: Final = "/v1/admin/symbols"
ROUTES: Final = {
    "/health": _READ,
    "/live": _READ,
    "/ready": _READ,
    "/metrics": _READ,
    "/v1/markets": _READ,
    "/v1/rejections": _READ,
    f"{_MARKET}/depth": _READ,
    f"{_MARKET}/coverage": _READ,
    f"{_MARKET}/reconciliation": _PAGE,
    f"{_MARKET}/trades": _PAGE,
    f"{_MARKET}/candles": _PAGE,
    f"{_MARKET}/activity-bars": _COMPUTED,
    f"{_MARKET}/volume-profile": _COMPUTED,
    f"{_MARKET}/volume-profile/developing": _COMPUTED,
    f"{_MARKET}/volume-profile/naked": _COMPUTED,
    f"{_MARKET}/order-flow": _COMPUTED,
    f"{_MARKET}/footprint": _COMPUTED,
    f"{_MARKET}/anomalies": _COMPUTED,
    "/v1/pairs/{symbol}/anomalies": _COMPUTED,
    f"{_COMPOSITE}/volume-profile": _COMBINED,
    f"{_COMPOSITE}/order-flow": _COMBINED,
    f"{_COMPOSITE}/lead-lag": _COMBINED,
    _SYMBOLS: _READ,
    f"{_SYMBOLS}/{{venue}}/{{symbol}}": _READ,
    "/v1/keys": _READ,
    "/v1/keys/self": _READ,
    "/v1/keys/self/rotate": _READ,
    "/v1/keys/{key_id}": _READ,
    "/v1/keys/{key_id}/rotate": _READ,
    "/v1/audit": _COMBINED,
    "/v1/stream": _READ,
    "/v1/stream/sse": _READ,
    "/asyncapi.json": _READ,
    "/openapi.json": _READ,
    "/mcp": _READ,
}
TOOLS: Final = {
    "get_markets": _READ,
    "get_market_depth": _READ,
    "get_coverage": _READ,
    "get_candles": _PAGE,
    "stream_trades": _PAGE,
    "get_volume_profile": _COMPUTED,
    "get_order_flow": _COMPUTED,
    "get_anomalies": _COMPUTED,
    "compare_venues": _COMBINED,
}


def cost_of_route(template: str, *, exported: bool = False) -> int:
    """Return the units of a route; `exported` where its answer leaves as a table of columns."""
    cost = ROUTES.get(template, _READ)
    return max(cost, EXPORTED) if exported else cost


def cost_of_tool(name: str) -> int:
    """Return the units of a tool."""
    return TOOLS.get(name, _READ)
