"""Has each operation of an agent written down once, with its name and what became of it.

Over HTTP the edge writes the event of the request, and is told here what the request was: a refused
tool is answered with status 200. On stdin and stdout nobody else is there to write it.
"""

from collections.abc import Callable
from typing import Any

from fastmcp.server.dependencies import get_http_request
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext

from cloud_marketdata.api.edge.visit import visit_of
from cloud_marketdata.api.mcp.operations import CANCELLED, Ended, ended_by, operation_of
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.security.audit.event import AuditEvent

OWNER = "stdio"


class Refining(Middleware):
    """Tells the edge what a request to /mcp was."""

    async def on_message(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:  # noqa: ANN401  whatever the request's answer is
        """Note the operation before it is begun, and its problem if it has one."""
        visit = visit_of(get_http_request().scope)
        visit.action, visit.resource, visit.params = operation_of(context)
        try:
            return await call_next(context)
        except Exception as error:
            visit.outcome, visit.code, _ = ended_by(error)
            raise


class Recording(Middleware):
    """Writes an event for each request that comes on stdin."""

    def __init__(self, audit: Callable[[AuditEvent], None], clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    async def on_request(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:  # noqa: ANN401  whatever the request's answer is
        """Answer it, and record it whatever became of it."""
        began = self._clock.monotonic()
        ended = CANCELLED
        try:
            answer = await call_next(context)
            ended = Ended()
        except Exception as error:
            ended = ended_by(error)
            raise
        finally:
            self._record(context, ended, self._clock.monotonic() - began)
        return answer

    def _record(self, context: MiddlewareContext[Any], ended: Ended, seconds: float) -> None:
        action, resource, params = operation_of(context)
        event = AuditEvent(
            action=action,
            surface="mcp",
            outcome=ended.outcome,
            code=ended.code,
            status=ended.status,
            owner=OWNER,
            resource=resource,
            params=params,
            latency_us=round(seconds * 1_000_000),
        )
        self._audit(event)
