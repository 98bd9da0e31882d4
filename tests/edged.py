"""A client on this machine of some application inside the real edge."""

from starlette.testclient import TestClient
from starlette.types import ASGIApp

from cloud_marketdata.api.edge.edge import Edge
from cloud_marketdata.api.errors import Problems
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from guarded import Guarded


def edged(app: ASGIApp, clock: Clock) -> TestClient:
    """Return a client of routes that are tested without the rest of the service."""
    guard = Guarded(clock, Settings()).edge
    edge = Edge(app, guard, Problems("rest", clock), clock, Settings())
    return TestClient(
        edge,
        base_url="http://127.0.0.1",
        client=("127.0.0.1", 50000),
        raise_server_exceptions=False,
    )
