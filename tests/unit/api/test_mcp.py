"""MCP answers what REST answers, in both protocol eras, over memory and over HTTP."""

import asyncio
import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from agents import (
    BOTH,
    CALLS,
    ERAS,
    MARKET,
    RANGE,
    Era,
    answered,
    ask,
    called,
    refusal,
    rest,
    server,
    standing,
)
from fastmcp import Client
from fastmcp.exceptions import ToolError
from jsonschema import validate
from tape import floats_in

from cloud_marketdata.api.mcp.registry import TOOLS
from cloud_marketdata.storage.ports import Stream

PATH = "/v1/markets/binance-usdm/BTCUSDT"
NAMES = [
    "get_volume_profile",
    "get_order_flow",
    "get_market_depth",
    "stream_trades",
    "get_markets",
    "get_candles",
    "get_anomalies",
    "get_coverage",
    "compare_venues",
]


@pytest.fixture(autouse=True, scope="module")
def made() -> None:
    """Fill the market before any test runs a loop of its own."""
    server()


@pytest.mark.parametrize("era", ERAS)
def test_every_answer_fits_its_published_schema_and_has_quality(era: Era) -> None:
    async def law() -> None:
        async with Client(server(), mode=era) as client:
            published = {one.name: one for one in await client.list_tools()}
            for tool, arguments in CALLS:
                result = await client.call_tool(tool, arguments)
                validate(result.structured_content, published[tool].output_schema)
                assert json.loads(result.content[0].text) == result.structured_content
                data, meta = (result.structured_content[name] for name in ("data", "meta"))
                assert meta["quality"]["sources"], tool
                assert data["summary"], tool
                assert data["rows_returned"] <= data["rows_total"]
                assert len(result.content[0].text.encode()) / 4 < 600, tool

    asyncio.run(law())


@pytest.mark.parametrize("era", ERAS)
def test_tools_are_named_versioned_and_read_only(era: Era) -> None:
    async def law() -> None:
        async with Client(server(), mode=era) as client:
            tools = await client.list_tools()
            info = client.server_info
        assert (info.name, info.version) == ("cloud-marketdata", "1.2.3")
        assert [tool.name for tool in tools] == NAMES
        assert len(TOOLS) == len(NAMES)
        for tool in tools:
            assert tool.annotations.read_only_hint
            assert tool.annotations.destructive_hint is False
            assert tool.output_schema["required"] == ["data", "meta"]
            if tool.name not in {"get_markets", "compare_venues"}:
                assert {"venue", "symbol"} <= set(tool.input_schema["required"])

    asyncio.run(law())


@pytest.mark.parametrize("era", ERAS)
def test_what_all_tools_say_of_themselves_stays_under_4000_tokens(era: Era) -> None:
    async def law() -> None:
        async with Client(server(), mode=era) as client:
            said = (await client.list_tools_mcp()).model_dump_json(by_alias=True, exclude_none=True)
        assert len(said.encode()) / 4 < 4000

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
    assert digest["data"]["left_out"] == []


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


def test_candles_equal_those_of_rest() -> None:
    asked = RANGE | {"timeframe": "15s"}
    answer = called("get_candles", MARKET | asked | {"detail": "full"}).structured_content
    bars = rest(f"{PATH}/candles", asked | {"limit": 1000})
    fields = ("open_time", "open", "high", "low", "close", "volume", "taker_buy_volume", "count")
    rows = [[bar[name] for name in fields] for bar in bars["data"]]
    assert [row[:-1] for row in answer["data"]["rows"]] == rows
    assert answer["meta"] == bars["meta"]
    assert answer["data"]["volume"] == str(sum(Decimal(bar["volume"]) for bar in bars["data"]))


def test_telling_candles_are_the_first_the_last_and_the_extremes() -> None:
    asked = MARKET | RANGE | {"timeframe": "1s"}
    every = answered("get_candles", asked | {"detail": "full"})["rows"]
    few = answered("get_candles", asked | {"max_rows": 4})
    assert {
        every[0][0],
        every[-1][0],
        max(every, key=lambda row: Decimal(row[2]))[0],
        min(every, key=lambda row: Decimal(row[3]))[0],
    } <= {row[0] for row in few["rows"]}
    assert few["left_out"] == [f"4 of {len(every)} bars shown"]


def test_order_flow_equals_that_of_rest() -> None:
    asked = RANGE | {"timeframe": "15s"}
    answer = called("get_order_flow", MARKET | asked | {"detail": "full"}).structured_content
    flow = rest(f"{PATH}/order-flow", asked | {"limit": 1000, "measures": False})
    rows = [[bar["open_time"], bar["close"], bar["volume"]] for bar in flow["data"]["bars"]]
    assert [row[:3] for row in answer["data"]["rows"]] == rows
    for name in answer["data"].keys() & flow["data"].keys():
        assert answer["data"][name] == flow["data"][name], name
    assert answer["meta"] == flow["meta"]


def test_anomalies_and_coverage_equal_those_of_rest() -> None:
    found = called("get_anomalies", MARKET | RANGE | {"detail": "full"}).structured_content
    told = rest(f"{PATH}/anomalies", RANGE | {"severity": "warn,critical", "limit": 500})
    assert found["data"]["anomalies"] == told["data"]["anomalies"] != []
    assert found["data"]["watch"] == told["data"]["watch"]
    assert found["meta"] == told["meta"]
    known = called("get_coverage", MARKET | RANGE | {"detail": "full"}).structured_content
    ledger = rest(f"{PATH}/coverage", RANGE)
    rows = [[one["start"], one["end"], one["state"]] for one in ledger["data"]["intervals"]]
    assert [row[:3] for row in known["data"]["rows"]] == rows
    assert known["data"]["shares"] == ledger["data"]["shares"]
    assert known["meta"] == ledger["meta"]


def test_markets_equal_those_of_rest_and_can_be_narrowed() -> None:
    listed = rest("/v1/markets", {})
    fields = ("venue", "symbol", "tick", "lot", "since", "last_trade", "book")
    rows = [[one[name] for name in fields] for one in listed["data"]]
    data = answered("get_markets", {})
    assert sorted(data["rows"]) == sorted(rows)
    assert [row[0] for row in answered("get_markets", {"venue": "bybit-linear"})["rows"]] == [
        "bybit-linear"
    ]
    assert answered("get_markets", {"symbol": "NOPE"})["rows"] == []


@pytest.mark.parametrize(
    ("what", "path"), [("profile", "volume-profile"), ("order_flow", "order-flow")]
)
def test_compared_venues_are_the_composite_answers_of_rest(what: str, path: str) -> None:
    more = {"timeframe": "1m"} if what == "order_flow" else {}
    asked = BOTH | RANGE | more | {"what": what, "detail": "full"}
    answer = called("compare_venues", asked).structured_content
    told = rest(f"/v1/composite/BTCUSDT/{path}", RANGE | more | {"venues": BOTH["venues"]})
    data = answer["data"]
    assert data["facts"]["volume"] == told["data"]["volume"]
    assert data["facts"]["delta"] == told["data"]["delta"]
    assert data["venues"] == told["data"]["venues"]
    for venue, share in told["data"]["by_venue"].items():
        assert data["by_venue"][venue]["volume"] == share["volume"]
        assert data["by_venue"][venue]["coverage"] == share["quality"]["coverage"]
    assert len(data["rows"]) == len(told["data"]["rows" if what == "profile" else "bars"])
    assert {len(row) for row in data["rows"]} == {len(data["columns"])}
    assert answer["meta"] == told["meta"]


def test_shares_of_venues_add_up_in_every_row() -> None:
    data = answered("compare_venues", BOTH | RANGE | {"what": "profile", "detail": "full"})
    for _low, buy, sell, *shares in data["rows"]:
        assert sum(map(Decimal, shares)) == Decimal(buy) + Decimal(sell)
    asked = BOTH | RANGE | {"what": "order_flow", "timeframe": "1m", "detail": "full"}
    for row in answered("compare_venues", asked)["rows"]:
        assert sum(map(Decimal, row[5:])) == Decimal(row[2])


@pytest.mark.parametrize("most", [1, 5, 20, 60])
def test_rows_are_the_telling_ones(most: int) -> None:
    data = answered("get_volume_profile", MARKET | RANGE | {"max_rows": most})
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
    for tool, arguments in CALLS:
        data = answered(tool, arguments | {"detail": "summary"})
        assert not data.get("rows")
        assert data["rows_returned"] == 0
        assert data["summary"]
        if data["rows_total"]:
            assert data["left_out"][0].startswith(f"0 of {data['rows_total']} ")


def test_only_shares_and_scores_are_numbers_with_a_fraction() -> None:
    for tool, arguments in CALLS:
        answer = called(tool, arguments | {"detail": "full"}).structured_content
        kinds = {path.rpartition(".")[2] for path in floats_in(answer)}
        assert kinds <= {
            "coverage",
            *("complete", "repaired", "unbroken", "unknown", "missing"),
            *("statistic", "threshold", "baseline"),
        }, tool


def test_range_without_trades_is_said_in_words() -> None:
    arguments = MARKET | {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}
    data = answered("get_volume_profile", arguments)
    assert data["summary"].startswith("Nothing traded")
    assert data["volume_covered_pct"] is None
    assert answered("get_candles", arguments)["summary"].startswith("Nothing traded")


REFUSALS = [
    ("get_volume_profile", MARKET | {"symbol": "NOPE"}, f"{PATH[:-7]}NOPE/volume-profile", {}),
    ("get_volume_profile", MARKET | {"start": "noon"}, f"{PATH}/volume-profile", {"start": "noon"}),
    (
        "get_volume_profile",
        MARKET | {"session": "utc_day", "rolling": 5},
        f"{PATH}/volume-profile",
        {"session": "utc_day", "rolling": 5},
    ),
    ("get_volume_profile", MARKET | {"va_pct": 0}, f"{PATH}/volume-profile", {"va_pct": 0}),
    ("get_market_depth", MARKET | {"levels": 999}, f"{PATH}/depth", {"levels": 999}),
    ("get_candles", MARKET | {"cursor": "abc"}, f"{PATH}/candles", {"cursor": "abc"}),
    ("get_order_flow", MARKET | {"reset": "weekly"}, f"{PATH}/order-flow", {"reset": "weekly"}),
    (
        "compare_venues",
        {"what": "lead_lag", "symbol": "BTCUSDT", "venues": "bybit-linear"},
        "/v1/composite/BTCUSDT/lead-lag",
        {"venues": "bybit-linear"},
    ),
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


def test_an_argument_that_does_not_exist_is_refused() -> None:
    problem = refusal("get_candles", MARKET | {"colour": "red"})
    assert problem["code"] == "invalid_request"
    assert problem["errors"][0]["parameter"] == "colour"


def test_fault_of_the_service_leaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_stream: Stream) -> None:
        msg = "mongodb://root:hunter2@db"
        raise RuntimeError(msg)

    monkeypatch.setattr(standing().stores.log, "last", fail)
    with pytest.raises(ToolError) as caught:
        called("stream_trades", MARKET)
    assert json.loads(str(caught.value))["code"] == "internal"
    assert "hunter2" not in str(caught.value)


def test_unknown_tool_is_an_error_and_no_crash() -> None:
    assert refusal("get_rich", {})["code"] == "unknown_tool"


def test_a_refusal_writes_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    refusal("get_volume_profile", MARKET | {"symbol": "NOPE"})
    refusal("get_candles", MARKET | {"colour": "red"})
    assert "Traceback" not in "".join(capfd.readouterr())
    assert not logging.getLogger("fastmcp.server.server").isEnabledFor(logging.ERROR)


def test_many_agents_may_ask_at_once() -> None:
    async def law() -> None:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(ask(server(), *call)) for call in CALLS]
        assert all(call.result().structured_content["data"]["summary"] for call in calls)

    asyncio.run(law())
