"""The ASGI application: REST and MCP in one process, at `/v1`, `/health` and exactly `/mcp`.

Two layers lie around it: one numbers requests, one answers equal ones of REST together. Both leave
/mcp alone: the MCP library reuses the header list of its event streams, so whatever edits headers
in place would leak from one answer into the next. For the same reason compression and caching
belong to the answers of REST themselves (see `wire`).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_marketdata import __version__
from cloud_marketdata.api.admin import Roster, build_admin
from cloud_marketdata.api.composite.routes import build_composite
from cloud_marketdata.api.errors import Described, Problems, install
from cloud_marketdata.api.flow.routes import build_flow
from cloud_marketdata.api.health import Health
from cloud_marketdata.api.profile_series.routes import build_profile_series
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.reconciliation.routes import build_reconciliation
from cloud_marketdata.api.rest import build_router
from cloud_marketdata.api.shared import Shared
from cloud_marketdata.api.signals.routes import build_signals
from cloud_marketdata.api.wire.numbering import Numbered
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.domain.values import Venue

MCP_PATH = "/mcp"


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
    components: Sequence[Component],
    clock: Clock,
    settings: Settings,
    rosters: Mapping[Venue, Roster] | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Build the application; its lifespan runs the MCP server's.

    Args:
        queries: answers the questions.
        components: whatever `/health` asks.
        clock: for uptime and request ids.
        settings: `allowed_hosts` and `allowed_origins` say who may call `/mcp` besides loopback.
        rosters: what is collected here, for the admin calls; none where nothing is.
        routers: what has a life of its own, such as the live stream, which main runs beside it.
    """
    # Importing FastMCP takes over a second, which commands without a server need not pay.
    from cloud_marketdata.api.mcp import build_mcp  # noqa: PLC0415 - see the line above

    mcp_app = build_mcp(queries, __version__).http_app(
        path=MCP_PATH,
        stateless_http=True,
        host_origin_protection=True,
        allowed_hosts=list(settings.allowed_hosts),
        allowed_origins=list(settings.allowed_origins),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with mcp_app.lifespan(mcp_app):
            yield

    app = Described(
        title="Cloud MarketData",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    problems = Problems("rest", clock)
    install(app, problems)
    app.add_middleware(Shared)
    app.add_middleware(Numbered, number=problems.number, untouched=(MCP_PATH,))
    app.include_router(build_router(queries, Health(components, clock, __version__)))
    app.include_router(build_profile_series(queries.profile_series))
    app.include_router(build_flow(queries.flow))
    app.include_router(build_signals(queries.signals))
    app.include_router(build_composite(queries.composite))
    app.include_router(build_reconciliation(queries.reconciliation))
    for router in (*routers, build_admin(rosters or {})):
        app.include_router(router)
    app.router.routes.append(Route(MCP_PATH, endpoint=Mounted(mcp_app)))
    return app
