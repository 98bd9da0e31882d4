"""Every operation of an agent leaves exactly one event, by whichever way it comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from agents import CALLS, MARKET, SWEEP, standing
from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError
from mcp import MCPError
from mcp_doors import URL, AgentDoor

from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.api.mcp.guard import over_stdio
from cloud_marketdata.api.mcp.recording import Recording
from cloud_marketdata.api.mcp.registry import TOOLS
from cloud_marketdata.security.audit.event import AuditEvent

Ask = Callable[[Client], Awaitable[object]]
EVIDENCE = f"marketdata://anomalies/binance-usdm/BTCUSDT/{SWEEP}"
DOCS = [f"marketdata://docs/{name}" for name in ("quality", "methods", "errors")]
PROMPTS: dict[str, dict[str, Any]] = {
    "read_the_tape": MARKET,
    "is_this_level_real": MARKET | {"price": "1"},
    "compare_the_venues": {"symbol": "BTCUSDT", "venues": "a,b"},
}
NOT_THERE = MARKET | {"symbol": "NOSUCH"}


def call(tool: str, arguments: dict[str, Any]) -> Ask:
    return lambda client: client.call_tool(tool, arguments)


def read(uri: str) -> Ask:
    return lambda client: client.read_resource(uri)


def prompt(name: str, arguments: dict[str, Any]) -> Ask:
    return lambda client: client.get_prompt(name, arguments)


OPERATIONS: list[tuple[Ask, str, str]] = [
    *[(call(tool, given), f"mcp tools/call {tool}", "") for tool, given in CALLS],
    *[(read(uri), "mcp resources/read", "") for uri in (*DOCS, EVIDENCE)],
    *[(prompt(name, given), f"mcp prompts/get {name}", "") for name, given in PROMPTS.items()],
    (lambda client: client.list_tools(), "mcp tools/list", ""),
    (lambda client: client.list_resources(), "mcp resources/list", ""),
    (lambda client: client.list_resource_templates(), "mcp resources/templates/list", ""),
    (lambda client: client.list_prompts(), "mcp prompts/list", ""),
    (call("get_candles", NOT_THERE), "mcp tools/call get_candles", "unknown_market"),
    (call("get_candles", {}), "mcp tools/call get_candles", "invalid_request"),
    (call("get_rich", {}), "mcp tools/call get_rich", "unknown_tool"),
    (read("marketdata://docs/none"), "mcp resources/read", "unknown_resource"),
    (prompt("sing", {}), "mcp prompts/get sing", "unknown_prompt"),
]


@pytest.fixture(autouse=True, scope="module")
def made() -> None:
    """Fill the market before any test runs a loop of its own."""
    standing()


@asynccontextmanager
async def by_http(mode: str) -> AsyncIterator[tuple[Client, list[AuditEvent]]]:
    door = AgentDoor(limit_per_ip=100_000)
    key = await door.guarded.key(per_minute=100_000)
    async with door.open(), door.client(key, mode) as client:
        # A client asks for the tools once, to check their answers.
        await client.list_tools()
        yield client, door.guarded.events


@asynccontextmanager
async def by_stdio(mode: str) -> AsyncIterator[tuple[Client, list[AuditEvent]]]:
    events: list[AuditEvent] = []
    market = standing()
    server = build_mcp(market.queries, "1", over_stdio(events.append, market.clock))
    async with Client(server, mode=mode) as client:
        await client.list_tools()
        yield client, events


def test_every_tool_and_prompt_there_is_was_walked() -> None:
    async def law() -> None:
        async with by_stdio("auto") as (client, _):
            assert {tool.name for tool in await client.list_tools()} == {one for one, _ in CALLS}
            assert {one.name for one in await client.list_prompts()} == set(PROMPTS)
            assert {str(one.uri) for one in await client.list_resources()} == set(DOCS)
            assert len(await client.list_resource_templates()) == 1

    asyncio.run(law())
    assert len(TOOLS) == len({one for one, _ in CALLS})


@pytest.mark.parametrize(("way", "mode"), [(by_http, "auto"), (by_stdio, "legacy")])
def test_each_operation_is_one_event(way, mode) -> None:
    async def law() -> None:
        async with way(mode) as (client, events):
            for ask, action, code in OPERATIONS:
                before = len(events)
                with suppress(ToolError, MCPError):
                    await ask(client)
                [event] = events[before:]
                assert (event.action, event.code) == (action, code)
                assert event.outcome == ("refused" if code else "ok"), event
                assert event.surface == "mcp"

    asyncio.run(law())


@pytest.mark.parametrize("way", [by_http, by_stdio])
def test_an_event_says_who_asked_what(way) -> None:
    async def law() -> None:
        async with way("auto") as (client, events):
            await client.call_tool("get_candles", MARKET | {"timeframe": "1m"})
            called = events[-1]
            await client.read_resource(EVIDENCE)
            looked = events[-1]
        assert called.params == {**MARKET, "timeframe": "1m"}
        assert looked.resource == EVIDENCE
        assert called.owner == ("tester" if way is by_http else "stdio")
        assert bool(called.key_id) == (way is by_http)

    asyncio.run(law())


WRONG = [
    ({"method": "tools/call", "params": {}}, "mcp tools/call", "refused"),
    ({"method": "tools/call", "params": {"name": 7}}, "mcp tools/call", "refused"),
    ({"method": "sing", "params": {}}, "mcp sing", "refused"),
    ({"method": "x" * 500}, "mcp " + "x" * 64, "refused"),
]


@pytest.mark.parametrize(("request_", "action", "outcome"), WRONG)
def test_what_is_no_request_of_the_protocol_is_one_event_too(request_, action, outcome) -> None:
    async def law() -> None:
        door = AgentDoor()
        headers = {
            "Authorization": f"Bearer {await door.guarded.key()}",
            "Accept": "application/json, text/event-stream",
        }
        async with door.open(), door.http(headers=headers) as http:
            await http.post(URL, json={"jsonrpc": "2.0", "id": 1, **request_})
        [event] = door.guarded.events
        assert (event.action, event.outcome) == (action, outcome), event

    asyncio.run(law())


def test_a_call_that_nobody_waits_for_is_recorded_too() -> None:
    async def law() -> None:
        told: asyncio.Queue[AuditEvent] = asyncio.Queue()
        server = FastMCP("waiting", middleware=[Recording(told.put_nowait, standing().clock)])

        @server.tool
        async def wait() -> None:
            await asyncio.Event().wait()

        async with Client(server) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.call_tool("wait", {})
            async with asyncio.timeout(5):
                while (event := await told.get()).action != "mcp tools/call wait":
                    pass
        assert (event.outcome, event.code) == ("failed", "cancelled")

    asyncio.run(law())
