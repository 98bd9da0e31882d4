"""The official Inspector lists and calls every tool in both protocol eras, with strict schemas.

It is another implementation of the protocol, in another language, so it finds what our own client
would forgive.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from agents_market import serving

from judges import Verdict, inspect

pytestmark = pytest.mark.anyio

ERAS = ("legacy", "modern")
MARKET = ("venue=binance-usdm", "symbol=BTCUSDT")
BOTH = ("symbol=BTCUSDT", "venues=binance-usdm,bybit-linear")
CALLS: dict[str, tuple[str, ...]] = {
    "get_volume_profile": MARKET,
    "get_order_flow": (*MARKET, "timeframe=1m"),
    "get_market_depth": MARKET,
    "stream_trades": (*MARKET, "duration_s=1"),
    "get_markets": (),
    "get_candles": MARKET,
    "get_anomalies": MARKET,
    "get_coverage": MARKET,
    "compare_venues": (*BOTH, "what=profile"),
}
AT_ONCE = 2


async def _asked(url: str, era: str, home: Path, *asked: str) -> Verdict:
    return await inspect(
        *("--server-url", url, "--transport", "http", "--protocol-era", era), *asked, home=home
    )


def _heard(verdict: Verdict) -> dict[str, Any]:
    assert verdict.code == 0, verdict.err
    heard: dict[str, Any] = json.loads(verdict.out)
    return heard


@pytest.mark.parametrize("era", ERAS)
async def test_every_tool_is_listed_with_a_portable_schema_and_can_be_called(era, tmp_path):
    async with serving() as (url, _stores):
        listed = _heard(await _asked(url, era, tmp_path, "--method", "tools/list", "--strict"))
        names = [tool["name"] for tool in listed["tools"]]
        assert sorted(names) == sorted(CALLS)
        room = asyncio.Semaphore(AT_ONCE)

        async def call(name: str) -> dict[str, Any]:
            more = ("--tool-arg", *CALLS[name]) if CALLS[name] else ()
            asked = ("--method", "tools/call", "--tool-name", name, *more)
            async with room:
                return _heard(await _asked(url, era, tmp_path, *asked))

        async with asyncio.TaskGroup() as tasks:
            calls = {name: tasks.create_task(call(name)) for name in names}
        for name, called in calls.items():
            result = called.result()
            assert not result.get("isError"), (name, result)
            answer = result["structuredContent"]
            assert answer["data"]["summary"], name
            assert answer["meta"]["quality"]["sources"], name
            assert json.loads(result["content"][0]["text"]) == answer


@pytest.mark.parametrize("era", ERAS)
async def test_resources_and_prompts_are_read_and_a_refusal_is_told(era, tmp_path):
    async with serving() as (url, _stores):
        docs = ("--method", "resources/read", "--uri", "marketdata://docs/errors")
        text = _heard(await _asked(url, era, tmp_path, *docs))["contents"][0]["text"]
        assert "`unknown_market` (404)" in text
        args = ("--prompt-name", "read_the_tape", "--prompt-args", *MARKET)
        prompt = _heard(await _asked(url, era, tmp_path, "--method", "prompts/get", *args))
        assert "BTCUSDT" in prompt["messages"][0]["content"]["text"]
        wrong = ("--tool-name", "get_candles", "--tool-arg", "venue=bybit-spot", "symbol=NOPE")
        refused = await _asked(url, era, tmp_path, "--method", "tools/call", *wrong)
        problem = json.loads(json.loads(refused.out)["content"][0]["text"])
        assert problem["code"] == "unknown_market"
