"""The ASGI application: REST and MCP in one process, at `/v1` and exactly `/mcp`, and `ops`.

The edge lies around all of it, lets in whoever may ask, and dresses each answer in a new list of
headers: the MCP library reuses the one of its event streams. Inside, one layer answers equal
requests of REST together. Compression and caching belong to the answers of REST themselves (see
`wire`). There are no pages of FastAPI's own: they load scripts from a third party, next to keys.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_marketdata import __version__
from cloud_marketdata.api.admin import Roster, build_admin
from cloud_marketdata.api.composite.routes import build_composite
from cloud_marketdata.api.described import Described
from cloud_marketdata.api.edge.edge import Edge
from cloud_marketdata.api.edge.guard import Guard
from cloud_marketdata.api.edge.needs import MCP_PATH
from cloud_marketdata.api.errors import Problems, install
from cloud_marketdata.api.flow.routes import build_flow
from cloud_marketdata.api.keys import build_keys
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.ops.routes import build_ops
from cloud_marketdata.api.profile_series.routes import build_profile_series
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.reconciliation.routes import build_reconciliation
from cloud_marketdata.api.rest import build_router
from cloud_marketdata.api.shared import Shared
from cloud_marketdata.api.signals.routes import build_signals
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import Venue


class Mounted:
    """An ASGI application as the endpoint of one route: no redirect to a trailing slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on as it came."""
        await self._app(scope, receive, send)


def create_app(
    *,
    queries: Queries,
    operations: Operations,
    clock: Clock,
    settings: Settings,
    guard: Guard,
    rosters: Mapping[Venue, Roster] | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Build the application; its lifespan runs the MCP server's.

    Args:
        queries: answers the questions.
        operations: what this process tells who operates it.
        clock: for uptime and request ids.
        settings: say who needs a key, and which hosts and origins are ours.
        guard: who may pass, who may get keys, and where each request is written down.
        rosters: what is collected here, for the admin calls; none where nothing is.
        routers: what has a life of its own, such as the live stream, which main runs beside it.
    """
    # Importing FastMCP takes over a second, which commands without a server need not pay.
    from cloud_marketdata.api.mcp import build_mcp  # noqa: PLC0415 - see the line above
    from cloud_marketdata.api.mcp.guard import over_http  # noqa: PLC0415 - same
    from cloud_marketdata.api.mcp.tape.seats import TapeSeats  # noqa: PLC0415 - same

    seats = TapeSeats()
    # The edge has looked at Host and Origin before; a second look could only disagree.
    mcp_app = build_mcp(queries, __version__, over_http(guard.gate, seats)).http_app(
        path=MCP_PATH, stateless_http=True, host_origin_protection=False
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with mcp_app.lifespan(mcp_app):
            yield

    problems = Problems("rest", clock)
    app = Described(
        lambda inside: Edge(inside, guard, problems, clock, settings),
        asks_for_keys=settings.asks_for_keys,
        version=__version__,
        lifespan=lifespan,
    )
    install(app, problems)
    app.add_middleware(Shared)
    operations.watch(seats)
    own = (build_keys(guard.desk, clock), build_admin(rosters or {}))
    asked = (build_ops(operations), build_router(queries), *_questions(queries))
    for router in (*asked, *routers, *own):
        app.include_router(router)
    app.router.routes.append(Route(MCP_PATH, endpoint=Mounted(mcp_app)))
    return app


def _questions(queries: Queries) -> tuple[APIRouter, ...]:
    return (
        build_profile_series(queries.profile_series),
        build_flow(queries.flow),
        build_signals(queries.signals),
        build_composite(queries.composite),
        build_reconciliation(queries.reconciliation),
    )
