"""GET /live, /ready, /health and /metrics: the same of every process, whatever its role.

What is asked of them is asked often, and when something is wrong. So /live waits for nobody, /ready
judges by what is known already, and /metrics is made once a second at most.
"""

import asyncio
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from cloud_marketdata.api.edge.visit import visit_of
from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.health import HealthBrief, HealthOut
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.rest import encoded
from cloud_marketdata.api.wire.caching import NEVER, VARY
from cloud_marketdata.api.wire.compression import CODINGS, LEAST_BYTES, wanted_coding
from cloud_marketdata.core.readiness import Why
from cloud_marketdata.core.telemetry.exposition import Text
from cloud_marketdata.security.identity import Scope


class Alive(BaseModel):
    """Said by who can say anything."""

    live: Literal[True] = True


class ReadyOut(BaseModel):
    """Whether requests shall be sent here, and if not, why."""

    ready: bool
    why: Why


def build_ops(operations: Operations) -> APIRouter:
    """Return the routes over what watches a process."""
    router = APIRouter()
    _add_probes(router, operations)
    _add_health(router, operations)
    _add_metrics(router, operations)
    return router


def _add_probes(router: APIRouter, operations: Operations) -> None:
    @router.get("/live", response_model=Alive, responses=problems(500))
    async def get_live() -> Response:
        """Say that the process lives, and ask nobody for it."""
        return encoded(Alive())

    @router.get(
        "/ready", response_model=ReadyOut, responses={**problems(500), 503: {"model": ReadyOut}}
    )
    async def get_ready() -> Response:
        """Say whether requests shall be sent here; 503 from the beginning of a stop on."""
        why = operations.readiness.judge()
        ready = why == "ready"
        return encoded(ReadyOut(ready=ready, why=why), 200 if ready else 503)


def _add_health(router: APIRouter, operations: Operations) -> None:
    @router.get(
        "/health",
        response_model=HealthOut | HealthBrief,
        responses={**problems(422, 500), 503: {"model": HealthOut | HealthBrief}},
    )
    async def get_health(request: Request) -> Response:
        """Say how the service is, and with the scope metrics:read why; 503 when unhealthy."""
        answer = await operations.health.ask()
        status = 503 if answer.status == "unhealthy" else 200
        if Scope.METRICS_READ in visit_of(request.scope).identity.scopes:
            return encoded(answer, status)
        return encoded(answer.brief(), status)


def _add_metrics(router: APIRouter, operations: Operations) -> None:
    kinds = ("text/plain", "application/openmetrics-text")
    content = {kind: {"schema": {"type": "string"}} for kind in kinds}

    @router.get(
        "/metrics",
        response_class=Response,
        responses={**problems(500), 200: {"content": content, "description": "Figures"}},
    )
    async def get_metrics(request: Request) -> Response:
        """Tell all figures of this process, in a text format of Prometheus or as OpenMetrics."""
        text = await operations.exposition.text(request.headers.get("accept", ""))
        return await _packed(text, request)


async def _packed(text: Text, request: Request) -> Response:
    """Return a text, compressed where that was asked for: it shrinks to a twentieth."""
    headers = {"Cache-Control": NEVER, "Content-Type": text.content_type, "Vary": VARY}
    coding = wanted_coding(request.scope["headers"])
    if coding is None or len(text.body) < LEAST_BYTES:
        return Response(text.body, headers=headers)
    body = await asyncio.to_thread(CODINGS[coding], text.body)
    return Response(body, headers={**headers, "Content-Encoding": coding})
