"""Agents at the real door: the MCP server of the standing market, inside the edge, over HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from agents import standing
from fastmcp import Client, FastMCP
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError

from cloud_marketdata.api.edge.edge import Edge
from cloud_marketdata.api.errors import Problems
from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.api.mcp.guard import over_http
from cloud_marketdata.api.mcp.tape.seats import TapeSeats
from cloud_marketdata.core.config import Settings
from guarded import Guarded

URL = "http://127.0.0.1:8000/mcp"


class AgentDoor:
    """A server that asks everybody for a key, and clients of it."""

    def __init__(self, **settings: object) -> None:
        self.settings = Settings.model_validate({"require_keys": "always", **settings})
        market = standing()
        self.guarded = Guarded(market.clock, self.settings)
        self.seats = TapeSeats()
        self.server: FastMCP = build_mcp(
            market.queries, "1", over_http(self.guarded.gate, self.seats)
        )
        self._app = self.server.http_app(path="/mcp", stateless_http=True)
        problems = Problems("rest", market.clock)
        self._edge = Edge(self._app, self.guarded.edge, problems, market.clock, self.settings)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Run the server."""
        async with self._app.lifespan(self._app):
            yield

    def client(self, key: str | None, mode: str = "auto") -> Client:
        """Return a client that shows a key."""
        transport = StreamableHttpTransport(URL, auth=key, httpx_client_factory=self.http)
        return Client(transport, mode=mode)

    def http(self, **given: Any) -> httpx2.AsyncClient:  # noqa: ANN401  httpx's own
        """Return a client without any manners."""
        inside = httpx2.ASGITransport(self._edge, client=("192.0.2.9", 4711))
        return httpx2.AsyncClient(**{**given, "transport": inside})


async def problem_of(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the problem by which a call is refused."""
    try:
        await client.call_tool(tool, arguments)
    except ToolError as error:
        problem: dict[str, Any] = json.loads(str(error))
        return problem
    msg = f"{tool} was not refused"
    raise AssertionError(msg)
