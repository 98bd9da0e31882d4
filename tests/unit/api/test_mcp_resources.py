"""What an agent can read beside calling tools: evidence, documents and prompts."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from agents import ERAS, SWEEP, Era, server, standing
from fastmcp import Client
from mcp import MCPError

from cloud_marketdata.api.envelope import QualityOut
from cloud_marketdata.api.mcp.evidence import EvidenceAnswer
from cloud_marketdata.api.mcp.registry import TOOLS
from cloud_marketdata.core.errors import MarketDataError

ROOT = "marketdata://anomalies/binance-usdm/BTCUSDT"
DOCS = ("errors", "methods", "quality")


@pytest.fixture(autouse=True, scope="module")
def made() -> None:
    """Fill the market before any test runs a loop of its own."""
    server()


def read(uri: str, era: Era = "auto") -> str:
    async def ask() -> str:
        async with Client(server(), mode=era) as client:
            return (await client.read_resource(uri))[0].text

    return asyncio.run(ask())


def refused(uri: str, era: Era = "auto") -> dict[str, Any]:
    with pytest.raises(MCPError) as caught:
        read(uri, era)
    problem: dict[str, Any] = caught.value.error.data
    return problem


@pytest.mark.parametrize("era", ERAS)
def test_evidence_is_the_anomaly_and_exactly_the_trades_it_names(era: Era) -> None:
    text = read(f"{ROOT}/{quote(SWEEP, safe='')}", era)
    answer = EvidenceAnswer.model_validate_json(text)
    assert answer.data.anomaly.id == SWEEP
    assert [one.id for one in answer.data.trades] == list(range(101, 108))
    assert answer.data.trades_total == answer.data.trades_returned == 7
    assert answer.data.left_out == []
    assert answer.meta.quality.sources == ["binance-usdm"]


def test_trades_that_are_no_longer_kept_are_told_to_be_gone() -> None:
    async def law() -> None:
        market = standing()
        kept = market.stores.trades.find_by_range

        async def none(*_at: object, **_limits: object) -> list[object]:
            return []

        market.stores.trades.find_by_range = none
        try:
            async with Client(server()) as client:
                text = (await client.read_resource(f"{ROOT}/{quote(SWEEP, safe='')}"))[0].text
        finally:
            market.stores.trades.find_by_range = kept
        answer = EvidenceAnswer.model_validate_json(text)
        assert answer.data.trades == []
        assert answer.data.left_out == ["0 of 7 trades are still kept"]

    asyncio.run(law())


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("uri", "code", "status"),
    [
        (f"{ROOT}/sweep%3Abinance-usdm%3ABTCUSDT%3A1%3A1", "unknown_anomaly", 404),
        (f"{ROOT}/nonsense", "unknown_anomaly", 404),
        (
            "marketdata://anomalies/binance-usdm/NOPE/sweep%3Abinance-usdm%3ANOPE%3A1%3A1",
            "unknown_market",
            404,
        ),
        (f"{ROOT}/rubbish%3Abinance-usdm%3ABTCUSDT%3A1%3A1", "bad_request", 400),
        ("marketdata://docs/riches", "unknown_resource", 404),
    ],
)
def test_a_refused_resource_is_an_error_with_the_problem_as_data(
    uri: str, code: str, status: int, era: Era
) -> None:
    problem = refused(uri, era)
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["request_id"]


def test_documents_are_short_and_say_what_the_classes_say() -> None:
    texts = {name: read(f"marketdata://docs/{name}") for name in DOCS}
    assert all(len(text.encode()) / 4 < 1500 for text in texts.values())
    for field in ("coverage", "staleness_ms", "gaps", "reasons"):
        assert f"`{field}`: {QualityOut.model_fields[field].description}" in texts["quality"]
    assert f"`{MarketDataError.code}` ({MarketDataError.status})" in texts["errors"]
    for code in ("unknown_market", "bad_time", "limit_exceeded", "not_ready", "bad_cursor"):
        assert f"`{code}`" in texts["errors"]
    assert "cbot2" in texts["methods"]


@pytest.mark.parametrize("era", ERAS)
def test_resources_and_prompts_are_listed_and_every_prompt_names_real_tools(era: Era) -> None:
    async def law() -> None:
        async with Client(server(), mode=era) as client:
            resources = {str(one.uri) for one in await client.list_resources()}
            templates = [one.uri_template for one in await client.list_resource_templates()]
            tools = {one.name for one in await client.list_tools()}
            prompts = await client.list_prompts()
            assert resources == {f"marketdata://docs/{name}" for name in DOCS}
            assert templates == ["marketdata://anomalies/{venue}/{symbol}/{id}"]
            assert len(tools) == len(TOOLS)
            assert {one.name for one in prompts} == {
                "read_the_tape",
                "is_this_level_real",
                "compare_the_venues",
            }
            for prompt in prompts:
                given = {one.name: f"<{one.name}>" for one in prompt.arguments}
                text = (await client.get_prompt(prompt.name, given)).messages[0].content.text
                assert all(value in text for value in given.values())
                named = {word for word in tools if word in text}
                assert named
                called = {part.split("(")[0].split()[-1] for part in text.split("\n")[1:4]}
                assert called <= tools

    asyncio.run(law())


@pytest.mark.parametrize("era", ERAS)
def test_a_prompt_that_is_not_there_or_lacks_an_argument_is_refused(era: Era) -> None:
    async def law() -> None:
        async with Client(server(), mode=era) as client:
            for name, given, code in (
                ("get_rich", {}, "unknown_prompt"),
                ("read_the_tape", {"venue": "binance-usdm"}, "invalid_request"),
            ):
                with pytest.raises(MCPError) as caught:
                    await client.get_prompt(name, given)
                assert caught.value.error.data["code"] == code
                json.dumps(caught.value.error.data)

    asyncio.run(law())
