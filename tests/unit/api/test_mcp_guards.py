"""What an agent's key is good for, and what it costs."""

import asyncio
import json

import pytest
from agents import MARKET, SWEEP, standing
from fastmcp import Client
from mcp import MCPError
from mcp_doors import AgentDoor, problem_of

from cloud_marketdata.api.mcp.registry import TOOLS
from cloud_marketdata.api.mcp.tape.seats import MOST_EACH
from cloud_marketdata.security.limits.costs import cost_of_tool

NOW = MARKET | {"duration_s": 0}


@pytest.fixture(autouse=True, scope="module")
def made() -> None:
    """Fill the market before any test runs a loop of its own."""
    standing()


async def left(door: AgentDoor, key: str) -> int:
    """Return what the key has left, after one more unit."""
    identity = await door.guarded.keyring.identify(key, "192.0.2.9")
    return (await door.guarded.limits.of_key(identity, 1)).taken.left + 1


def test_without_a_key_or_with_a_wrong_one_nobody_gets_as_far_as_a_tool() -> None:
    async def law() -> None:
        door = AgentDoor()
        async with door.open():
            for key in (None, "cmd_live_nothing"):
                with pytest.raises(MCPError):
                    async with door.client(key):
                        pass
        assert {one.code for one in door.guarded.events} == {"key_missing", "key_invalid"}

    asyncio.run(law())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_key_without_the_scope_lists_tools_and_calls_none(mode: str) -> None:
    async def law() -> None:
        door = AgentDoor()
        async with door.open(), door.client(await door.guarded.key("metrics:read"), mode) as one:
            assert len(await one.list_tools()) == len(TOOLS)
            for tool, arguments in (("get_markets", {}), ("get_market_depth", MARKET)):
                problem = await problem_of(one, tool, arguments)
                assert (problem["code"], problem["status"]) == ("scope_missing", 403)
            with pytest.raises(MCPError) as refused:
                await one.read_resource(f"marketdata://anomalies/binance-usdm/BTCUSDT/{SWEEP}")
            assert refused.value.data["code"] == "scope_missing"

    asyncio.run(law())


def test_the_live_tape_needs_both_scopes() -> None:
    async def law() -> None:
        door = AgentDoor()
        async with door.open():
            for scopes in (("market:read",), ("stream:read",)):
                async with door.client(await door.guarded.key(*scopes)) as one:
                    assert (await problem_of(one, "stream_trades", NOW))["code"] == "scope_missing"
            async with door.client(await door.guarded.key()) as one:
                assert (await one.call_tool("stream_trades", NOW)).structured_content

    asyncio.run(law())


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("get_markets", {}), ("get_candles", MARKET | {"timeframe": "1m"}), ("stream_trades", NOW)],
)
def test_a_call_costs_what_its_tool_costs_and_no_more(tool, arguments) -> None:
    async def law() -> None:
        door = AgentDoor()
        key = await door.guarded.key(per_minute=100)
        async with door.open(), door.client(key) as one:
            # A client asks for the tools once, to check their answers.
            await one.list_tools()
            before = await left(door, key)
            await one.call_tool(tool, arguments)
            assert before - await left(door, key) == cost_of_tool(tool) + 1

    asyncio.run(law())


def test_a_key_that_is_over_its_limit_is_told_when_it_goes_on() -> None:
    async def law() -> None:
        door = AgentDoor()
        key = await door.guarded.key(per_minute=15)
        async with door.open(), door.client(key) as one:
            asked = {"symbol": "BTCUSDT", "what": "profile", "venues": "binance-usdm,bybit-linear"}
            for _ in range(2):
                problem = await problem_of(one, "compare_venues", asked | {"venues": "x"})
            assert (problem["code"], problem["status"]) == ("quota_exceeded", 429)
            assert problem["retry_after_s"] > 0
        assert door.guarded.told()[-1] == (
            "mcp tools/call compare_venues",
            "refused",
            "quota_exceeded",
        )

    asyncio.run(law())


def test_so_many_may_listen_to_the_tape_at_once_with_one_key() -> None:
    async def law() -> None:
        door = AgentDoor()
        key = await door.guarded.key()
        identity = await door.guarded.keyring.identify(key, "192.0.2.9")
        visit = type("", (), {"identity": identity, "address": "192.0.2.9"})()
        async with door.open(), door.client(key) as one:
            held = [door.seats.taken(visit) for _ in range(MOST_EACH)]
            for seat in held:
                seat.__enter__()
            problem = await problem_of(one, "stream_trades", NOW)
            assert (problem["code"], problem["retry_after_s"]) == ("quota_exceeded", 1.0)
            held.pop().__exit__(None, None, None)
            assert (await one.call_tool("stream_trades", NOW)).structured_content
            assert (await door.seats.pulse()).detail["listening"] == MOST_EACH - 1
            assert door.seats.refused == 1

    asyncio.run(law())


def test_a_key_in_an_argument_is_refused_and_comes_back_nowhere() -> None:
    async def law() -> None:
        door = AgentDoor()
        key = await door.guarded.key()

        async def asked(one: Client) -> list[str]:
            problem = await problem_of(one, "get_candles", MARKET | {"symbol": key})
            told = [json.dumps(problem)]
            assert problem["code"] == "key_in_query"
            for ask in (
                one.read_resource(f"marketdata://anomalies/v/s/{key}"),
                one.get_prompt("read_the_tape", MARKET | {"symbol": key}),
            ):
                with pytest.raises(MCPError) as refused:
                    await ask
                assert refused.value.data["code"] == "key_in_query"
                told.append(str(refused.value.error))
            return told

        async with door.open(), door.client(key) as one:
            assert key not in "".join(await asked(one))

    asyncio.run(law())
