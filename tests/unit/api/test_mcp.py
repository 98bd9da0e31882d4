"""MCP answers what REST answers, in both protocol eras, over memory and over HTTP."""

import asyncio
import json
import socket
from decimal import Decimal
from typing import Any, Literal

import pytest
import uvicorn
from fastmcp import Client
from fastmcp.client.client import CallToolResult
from fastmcp.exceptions import ToolError
from jsonschema import validate
from starlette.testclient import TestClient
from tape import BASE, BTC, MINUTE, Market, floats_in, ms, trade

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.mcp import build_mcp
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS, Side
from cloud_marketdata.storage.ports import BookState, BookView, Stream

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
MARKET = {"venue": "binance-usdm", "symbol": "BTCUSDT"}
RANGE = {"start": ms(BASE), "end": ms(BASE + 10 * MINUTE)}
PATH = "/v1/markets/binance-usdm/BTCUSDT"


async def filled() -> Market:
    market = await Market().open()
    tape = [
        trade(
            at,
            at * 500,
            price=617_000 + at * 31 % 977,
            size=1_000 + at * at % 54_321,
            side=list(Side)[at % 2],
        )
        for at in range(1000)
    ]
    await market.append(tape)
    await market.save(BASE + 2 * MINUTE)
    book = BookView(
        BTC,
        BookState.SYNCED,
        5,
        BASE,
        BASE + 10 * MINUTE - NS_PER_MS,
        tuple((617_000 - at, 12_345 + at) for at in range(200)),
        tuple((617_001 + at, 54_321 + at) for at in range(200)),
    )
    await market.stores.books.publish([book])
    return market


def called(tool: str, arguments: dict[str, Any], era: Era = "auto", market: Market | None = None):
    async def call() -> CallToolResult:
        server = build_mcp((market or await filled()).queries, "1.2.3")
        async with Client(server, mode=era) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(call())


def rest(path: str, params: dict[str, Any]):
    market = asyncio.run(filled())
    app = create_app(queries=market.queries, components=[], clock=market.clock, settings=Settings())
    return TestClient(app, base_url="http://127.0.0.1").get(path, params=params).json()


def refusal(tool: str, arguments: dict[str, Any], era: Era = "auto") -> dict[str, Any]:
    with pytest.raises(ToolError) as caught:
        called(tool, arguments, era)
    return json.loads(str(caught.value))


TOOLS = (("get_volume_profile", MARKET | RANGE), ("get_market_depth", MARKET))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("tool", "arguments"), TOOLS)
def test_answer_fits_the_published_schema_and_has_quality(
    tool: str, arguments: dict[str, Any], era: Era
) -> None:
    async def law() -> None:
        async with Client(build_mcp((await filled()).queries, "1.2.3"), mode=era) as client:
            published = {one.name: one for one in await client.list_tools()}
            result = await client.call_tool(tool, arguments)
        validate(result.structured_content, published[tool].output_schema)
        assert json.loads(result.content[0].text) == result.structured_content
        assert set(floats_in(result.structured_content)) <= {".meta.quality.coverage"}
        quality = result.structured_content["meta"]["quality"]
        assert quality["sources"] == ["binance-usdm"]
        assert quality["as_of"]

    asyncio.run(law())


@pytest.mark.parametrize("era", ERAS)
def test_tools_are_named_versioned_and_read_only(era: Era) -> None:
    async def law() -> None:
        async with Client(build_mcp((await filled()).queries, "1.2.3"), mode=era) as client:
            tools = await client.list_tools()
            info = client.server_info
        assert (info.name, info.version) == ("cloud-marketdata", "1.2.3")
        assert [tool.name for tool in tools] == [
            "get_volume_profile",
            "get_market_depth",
            "get_order_flow",
            "get_anomalies",
        ]
        for tool in tools:
            assert tool.annotations.read_only_hint
            assert tool.annotations.destructive_hint is False
            assert tool.output_schema["type"] == "object"
            assert {"venue", "symbol"} <= set(tool.input_schema["required"])

    asyncio.run(law())


@pytest.mark.parametrize("era", ERAS)
def test_profile_equals_that_of_rest(era: Era) -> None:
    answer = called("get_volume_profile", MARKET | RANGE | {"detail": "full"}, era)
    digest, profile = answer.structured_content, rest(f"{PATH}/volume-profile", RANGE)
    rows = [[row["low"], row["buy"], row["sell"]] for row in profile["data"]["rows"]]
    assert digest["data"]["rows"] == rows
    for name in ("hvn", "lvn"):
        assert digest["data"][name] == [node["low"] for node in profile["data"][name]], name
    for name in profile["data"].keys() - {"rows", "hvn", "lvn", "sensitivity"}:
        assert digest["data"][name] == profile["data"][name], name
    assert digest["meta"] == profile["meta"]


@pytest.mark.parametrize("era", ERAS)
def test_depth_equals_that_of_rest(era: Era) -> None:
    answer = called("get_market_depth", MARKET | {"detail": "full", "levels": 70}, era)
    digest, depth = answer.structured_content, rest(f"{PATH}/depth", {"levels": 70})
    for side in ("bids", "asks"):
        levels = [[level["price"], level["size"]] for level in depth["data"].pop(side)]
        assert digest["data"].pop(side) == levels
        assert len(levels) == 70
    assert {key: digest["data"][key] for key in depth["data"]} == depth["data"]
    assert digest["meta"] == depth["meta"]


@pytest.mark.parametrize(("tool", "arguments"), TOOLS)
def test_default_answer_stays_under_600_tokens(tool: str, arguments: dict[str, Any]) -> None:
    answer = called(tool, arguments)
    assert len(answer.content[0].text.encode()) / 4 < 600


@pytest.mark.parametrize("most", [1, 5, 20, 60])
def test_rows_are_the_telling_ones(most: int) -> None:
    answer = called("get_volume_profile", MARKET | RANGE | {"max_rows": most})
    data = answer.structured_content["data"]
    rows = rest(f"{PATH}/volume-profile", RANGE)["data"]["rows"]
    lows = [row[0] for row in data["rows"]]
    assert lows == sorted(lows, key=Decimal)
    assert len(lows) == data["rows_returned"] == min(most, data["rows_total"])
    assert data["poc"]["low"] in lows
    if most > 2:
        assert data["value_area"]["val"] in lows
    volumes = {row["low"]: Decimal(row["buy"]) + Decimal(row["sell"]) for row in rows}
    edges = {data["value_area"]["val"]} | {
        row["low"] for row in rows if row["high"] == data["value_area"]["vah"]
    }
    chosen = [volumes[low] for low in lows if low not in edges]
    left = [volume for low, volume in volumes.items() if low not in lows]
    assert not left or not chosen or min(chosen) >= max(left)
    share = 100 * sum(volumes[low] for low in lows) / sum(volumes.values())
    assert data["volume_covered_pct"] == str(share.quantize(Decimal("0.01")))


def test_summary_has_no_rows_but_the_facts() -> None:
    data = called("get_volume_profile", MARKET | RANGE | {"detail": "summary"}).structured_content
    assert data["data"]["rows"] == []
    assert "BTC traded between" in data["data"]["summary"]
    assert data["data"]["rows_total"] > 0


def test_range_without_trades_is_said_in_words() -> None:
    arguments = MARKET | {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
    data = called("get_volume_profile", arguments).structured_content["data"]
    assert data["summary"].startswith("Nothing traded")
    assert data["volume_covered_pct"] is None


REFUSALS = [
    ("get_volume_profile", MARKET | {"symbol": "NOPE"}, f"{PATH[:-7]}NOPE/volume-profile", {}),
    ("get_volume_profile", MARKET | {"start": "noon"}, f"{PATH}/volume-profile", {"start": "noon"}),
    (
        "get_volume_profile",
        MARKET | {"va_method": "best"},
        f"{PATH}/volume-profile",
        {"va_method": "best"},
    ),
    ("get_volume_profile", MARKET | {"va_pct": 0}, f"{PATH}/volume-profile", {"va_pct": 0}),
    ("get_market_depth", MARKET | {"levels": 999}, f"{PATH}/depth", {"levels": 999}),
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("tool", "arguments", "path", "params"), REFUSALS)
def test_refusal_is_the_problem_that_rest_answers(
    tool: str, arguments: dict[str, Any], path: str, params: dict[str, Any], era: Era
) -> None:
    problem, other = refusal(tool, arguments, era), rest(path, params)
    for told in (problem, other):
        assert told.pop("request_id")
    assert problem == other


def test_fault_of_the_service_leaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_stream: Stream) -> None:
        msg = "mongodb://root:hunter2@db"
        raise RuntimeError(msg)

    market = asyncio.run(filled())
    monkeypatch.setattr(market.stores.log, "last", fail)
    with pytest.raises(ToolError) as caught:
        called("get_volume_profile", MARKET, market=market)
    assert json.loads(str(caught.value))["code"] == "internal"
    assert "hunter2" not in str(caught.value)


def test_unknown_tool_is_an_error_and_no_crash() -> None:
    assert refusal("get_rich", {})["code"] == "unknown_tool"


@pytest.mark.parametrize("era", ERAS)
def test_tools_work_over_a_real_socket(era: Era) -> None:
    async def law() -> None:
        market = await filled()
        app = create_app(
            queries=market.queries, components=[], clock=market.clock, settings=Settings()
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
            async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
                tasks.create_task(server.serve([listening]))
                async with Client(url, mode=era) as client:
                    for tool, arguments in TOOLS:
                        result = await client.call_tool(tool, arguments)
                        assert result.structured_content["data"]["venue"] == "binance-usdm"
                server.should_exit = True

    asyncio.run(law())


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def http() -> TestClient:
    market = asyncio.run(filled())
    app = create_app(queries=market.queries, components=[], clock=market.clock, settings=Settings())
    return TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False)


def test_mcp_answers_at_its_path_without_a_redirect_or_a_session(http: TestClient) -> None:
    with http as client:
        for _ in range(3):
            answer = client.post("/mcp", json=INITIALIZE, headers=ACCEPT)
            assert answer.status_code == 200, answer.text
            assert "mcp-session-id" not in answer.headers
            assert '"cloud-marketdata"' in answer.text
        assert client.get("/mcp", headers=ACCEPT).status_code == 405
        assert client.post("/mcp/", json=INITIALIZE, headers=ACCEPT).status_code == 404


def test_foreign_hosts_and_origins_are_turned_away(http: TestClient) -> None:
    with http as client:
        for header, status in (
            ({"Origin": "http://evil.example"}, 403),
            ({"Host": "evil.example"}, 421),
        ):
            answer = client.post("/mcp", json=INITIALIZE, headers=ACCEPT | header)
            assert answer.status_code == status


def test_headers_do_not_pile_up_from_answer_to_answer(http: TestClient) -> None:
    with http as client:
        heads = [
            sorted(client.post("/mcp", json=INITIALIZE, headers=ACCEPT).headers.multi_items())
            for _ in range(4)
        ]
    assert heads.count(heads[0]) == 4
