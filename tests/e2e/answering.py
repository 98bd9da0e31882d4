"""The API over stores of a test, on a real socket, and the same question asked in its languages.

An answer is what came back: data, and what a reader must know beside it. A refusal is the problem
that each language wraps in its own way; `request_id` is its own in every one and is left away.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final, NamedTuple

import httpx2
import uvicorn
from fastmcp import Client
from fastmcp.exceptions import ToolError
from websockets.asyncio.client import ClientConnection, connect

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.stream.asyncapi import build_page
from cloud_marketdata.api.stream.endpoint import build_stream
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.hosting import GuestServer, bound
from cloud_marketdata.storage.ports import Stores
from guarded import Guarded

TOOLS: Final = {
    "volume-profile": "get_volume_profile",
    "order-flow": "get_order_flow",
    "depth": "get_market_depth",
    "candles": "get_candles",
    "anomalies": "get_anomalies",
    "coverage": "get_coverage",
}
_PAGE: Final = "limit"
"""A tool's page is always as long as may be; what it tells of it is bounded otherwise."""
_SAID_OF_A_CHANNEL: Final = ("name", "venue", "symbol", "params", "ok")


class Question(NamedTuple):
    """One question: REST's name of it, the market, and REST's parameters."""

    name: str
    venue: str
    symbol: str
    params: dict[str, Any]


class Answer(NamedTuple):
    """What was answered, or the problem why not."""

    data: Any = None
    meta: Any = None
    problem: Mapping[str, Any] | None = None


class Languages(NamedTuple):
    """Clients of one running API."""

    url: str
    http: httpx2.AsyncClient
    agent: Client
    socket: ClientConnection
    readers: Readers | None = None
    guarded: Guarded | None = None

    async def rest(self, question: Question) -> Answer:
        """Ask by REST."""
        path = f"/v1/markets/{question.venue}/{question.symbol}/{question.name}"
        answer = await self.http.get(path, params=question.params)
        return _read(answer.json(), success=answer.is_success)

    async def mcp(self, question: Question, **more: object) -> Answer:
        """Ask by MCP."""
        given = {name: value for name, value in question.params.items() if name != _PAGE}
        arguments = {"venue": question.venue, "symbol": question.symbol, **given, **more}
        try:
            result = await self.agent.call_tool(TOOLS[question.name], arguments)
        except ToolError as error:
            return _read(json.loads(str(error)), success=False)
        return _read(result.structured_content, success=True)

    async def stream(self, question: Question) -> Answer:
        """Subscribe, take the first frame, and unsubscribe; a status that refuses is a problem."""
        market = {"name": question.name, "venue": question.venue, "symbol": question.symbol}
        reply = await self.say(op="subscribe", channels=[market | question.params])
        [result] = reply["results"]
        if not result["ok"]:
            told = {name: result[name] for name in result if name not in _SAID_OF_A_CHANNEL}
            return Answer(problem=told)
        frame = await self.hear()
        await self.say(op="unsubscribe", channels=[market | question.params])
        if frame["type"] == "status":
            return Answer(problem=frame["data"])
        assert (frame["type"], frame["channel"]) == ("snapshot", question.name)
        return Answer(frame["data"], frame["meta"])

    async def say(self, **request: object) -> dict[str, Any]:
        """Send a request and return its reply; frames that come before it are left unread."""
        await self.socket.send(json.dumps(request))
        while "ok" not in (heard := await self.hear()):
            pass
        return heard

    async def hear(self) -> dict[str, Any]:
        """Return the next message of the stream."""
        async with asyncio.timeout(20):
            return json.loads(await self.socket.recv())


@asynccontextmanager
async def answering(stores: Stores, clock: Clock, settings: Settings) -> AsyncIterator[Languages]:
    """Serve these stores until the block ends."""
    queries = Queries(stores, clock, settings)
    random = Random(0)  # noqa: S311 - nothing is guarded by it
    hub, readers = Hub(queries, stores, clock, settings, random), Readers(settings)
    guarded = Guarded(clock, settings, stores)
    app = create_app(
        queries=queries,
        operations=Operations([*stores.pulses, hub, readers], settings, clock),
        clock=clock,
        settings=settings,
        guard=guarded.edge,
        routers=[build_stream(hub, readers, clock, settings, guarded.stream), build_page("0")],
    )
    server = GuestServer(uvicorn.Config(app, log_config=None, ws="websockets-sansio"))
    with bound("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(hub.run())
            serving = tasks.create_task(server.serve([listener]))
            watching = tasks.create_task(guarded.rounds.run())
            async with speaking(url) as languages:
                yield languages._replace(readers=readers, guarded=guarded)
            server.should_exit = True
            await serving
            working.cancel()
            watching.cancel()


@asynccontextmanager
async def speaking(url: str) -> AsyncIterator[Languages]:
    """Be a client of whoever serves there."""
    socket = f"ws{url.removeprefix('http')}/v1/stream"
    async with (
        httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as http,
        Client(f"{url}/mcp") as agent,
        connect(socket, compression=None, max_size=None, proxy=None) as stream,
    ):
        yield Languages(url, http, agent, stream)


def _read(body: dict[str, Any], *, success: bool) -> Answer:
    if success:
        return Answer(body["data"], body["meta"])
    return Answer(problem={name: body[name] for name in body if name != "request_id"})
