"""MCP on stdin and stdout: from a data folder, and as a bridge to a service, progress included."""

import asyncio
import sys
from pathlib import Path

import pytest
from agents_market import MARKETS, append, filled, serving, tape
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.embedded import open_embedded

pytestmark = pytest.mark.anyio

MARKET = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
RANGE = {"start": 1_723_161_000_000, "end": 1_723_161_480_000}
TOOLS = 9


def _command(*arguments: str) -> StdioTransport:
    return StdioTransport(str(Path(sys.executable).parent / "marketdata"), ["mcp", *arguments])


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_data_folder_answers_without_a_service(era, tmp_path):
    async with open_embedded(tmp_path, SystemClock()) as stores:
        await filled(stores)
    async with asyncio.timeout(60), Client(_command("--data-dir", str(tmp_path)), mode=era) as one:
        assert len(await one.list_tools()) == TOOLS
        asked = MARKET | RANGE
        profile = (await one.call_tool("get_volume_profile", asked)).structured_content["data"]
        assert profile["count"] == 500
        whole = MARKET | {"max_trades": 1000}
        tail = (await one.call_tool("stream_trades", whole)).structured_content["data"]
        assert (tail["complete"], tail["count"]) == ("feed_down", 500)
        assert (await one.read_resource("marketdata://docs/quality"))[0].text.startswith("# Qual")


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_the_bridge_hands_calls_and_progress_through(era):
    told: list[float] = []

    async def progress(now: float, _total: float | None, _message: str | None) -> None:
        told.append(now)

    async with (
        asyncio.timeout(60),
        serving() as (url, stores),
        Client(_command("--url", url), mode=era) as one,
    ):
        assert len(await one.list_tools()) == TOOLS
        asked = MARKET | {"duration_s": 1.5, "max_trades": 1000}
        first = await one.call_tool("stream_trades", asked, progress_handler=progress)
        await append(stores, MARKETS[0], tape(MARKETS[0], 501, 7))
        asked |= {"cursor": first.structured_content["data"]["next_cursor"]}
        second = await one.call_tool("stream_trades", asked | {"max_trades": 7})
    assert len(told) > 2
    assert told == sorted(set(told))
    data = second.structured_content["data"]
    assert (data["complete"], data["count"], data["missing"]) == ("full", 7, 0)
