"""The application of a process that answers no questions: what watches it, behind the same edge.

Keys, hosts, limits and the audit log are as everywhere. Whatever else is asked is not here, also
where the table of needs has it: that is the table of the API.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from cloud_marketdata import __version__
from cloud_marketdata.api.described import Described
from cloud_marketdata.api.edge.edge import Edge
from cloud_marketdata.api.edge.guard import Guard
from cloud_marketdata.api.errors import Problems, install
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.ops.routes import build_ops
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings


def create_ops_app(
    operations: Operations, guard: Guard, settings: Settings, clock: Clock
) -> FastAPI:
    """Build the application of /live, /ready, /health and /metrics, and the page of them."""
    problems = Problems("ops", clock)
    app = Described(
        lambda inside: Edge(inside, guard, problems, clock, settings),
        asks_for_keys=settings.asks_for_keys,
        version=__version__,
        lifespan=_nothing,
    )
    install(app, problems)
    app.include_router(build_ops(operations))
    return app


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    """Begin and end nothing."""
    yield
