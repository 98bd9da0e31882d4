"""How many requests were answered how, and how long that took, by the template of their route.

They are told by the very events that the audit log gets of each, so the two never disagree. A path
that is no route of ours is one series with all others, whatever it is; so is a tool that there is
not. A handshake that came to nothing counts as a request; what follows a good one does not.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from cloud_marketdata.api.edge.needs import MCP_PATH
from cloud_marketdata.core.telemetry.catalogue import HTTP_REQUESTS, HTTP_SECONDS, MCP_SECONDS
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.security.audit.event import AuditEvent

UNMATCHED: Final = "unmatched"
_NOWHERE: Final = "(nowhere)"
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "WEBSOCKET"))
_OTHER: Final = "other"
_TOOL: Final = "mcp tools/call "
_STREAM: Final = "/v1/stream"
_UNKNOWN_TOOL: Final = "unknown_tool"
_MICROSECONDS: Final = 1_000_000


class Accounts:
    """Takes the events on their way to the audit log."""

    def __init__(self, audit: Callable[[AuditEvent], None]) -> None:
        self._audit = audit
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._seconds: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._tools: defaultdict[tuple[str, str], Histogram] = defaultdict(Histogram)

    def record(self, event: AuditEvent) -> None:
        """Count the event of a request, and hand it on."""
        seconds = event.latency_us / _MICROSECONDS
        route, method = _asked(event)
        self._requests[route, method, str(event.status)] += 1
        self._seconds[route].observe(seconds)
        if event.action.startswith(_TOOL):
            tool = UNMATCHED if event.code == _UNKNOWN_TOOL else event.action[len(_TOOL) :]
            self._tools[tool, event.outcome].observe(seconds)
        self._audit(event)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        for labels, count in self._requests.items():
            yield HTTP_REQUESTS.of(count, *labels)
        for route, seconds in self._seconds.items():
            yield HTTP_SECONDS.of(seconds, route)
        for (tool, outcome), seconds in self._tools.items():
            yield MCP_SECONDS.of(seconds, tool, outcome)


def _asked(event: AuditEvent) -> tuple[str, str]:
    """Return the route's template and the method of a request."""
    if event.surface == "ws":
        return _STREAM, "WEBSOCKET"
    method, _, template = event.action.partition(" ")
    if method == "mcp":
        return MCP_PATH, "POST"
    route = UNMATCHED if template == _NOWHERE else template
    return route, method if method in _METHODS else _OTHER
