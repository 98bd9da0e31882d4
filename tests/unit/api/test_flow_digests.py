"""Order flow for agents and over REST: short, with the same numbers, and refused alike."""

import asyncio
from decimal import Decimal

import pytest
from fastapi import FastAPI
from flows import answer_of, flow_queries, tell, told
from starlette.testclient import TestClient
from tape import BASE, MINUTE, ROOT, TAPE, Market, ms

from cloud_marketdata.api.errors import Problems, install
from cloud_marketdata.api.flow.routes import build_flow
from cloud_marketdata.api.flow.schemas import OrderFlowAnswer
from cloud_marketdata.api.mcp.digests.order_flow import FlowDigest, flow_digest
from edged import edged

RANGE = {"start": ms(BASE), "end": ms(BASE + 4 * MINUTE)}


async def filled() -> Market:
    market = await Market().open()
    await market.append(TAPE)
    await market.save(BASE + MINUTE)
    await tell(market, told(TAPE))
    return market


@pytest.fixture(scope="module")
def answer() -> OrderFlowAnswer:
    async def made() -> OrderFlowAnswer:
        return await answer_of(await filled(), timeframe="15s", **RANGE)

    return asyncio.run(made())


@pytest.fixture(scope="module")
def client() -> TestClient:
    market = asyncio.run(filled())
    app = FastAPI()
    install(app, Problems("rest", market.clock))
    app.include_router(build_flow(flow_queries(market)))
    return edged(app, market.clock)


def digest_of(answer: OrderFlowAnswer, detail: str = "rows", rows: int = 10) -> FlowDigest:
    return flow_digest(answer, detail, rows).data


def test_a_digest_of_ten_rows_stays_under_600_tokens(answer):
    assert len(flow_digest(answer, "rows", 10).model_dump_json().encode()) / 4 < 600


@pytest.mark.parametrize("most", [1, 4, 10, 100])
def test_rows_are_the_bars_with_marks_and_then_those_of_the_largest_delta(answer, most):
    data = digest_of(answer, rows=most)
    times = [row[0] for row in data.rows]
    assert times == sorted(times)
    assert data.rows_returned == len(data.rows) == min(most, data.rows_total)
    marked = {row[0] for row in digest_of(answer, "full").rows if row[5]}
    assert marked <= set(times) or set(times) <= marked
    plain = {bar.open_time: abs(Decimal(bar.delta)) for bar in answer.data.bars}
    inside = [plain[at] for at in times if at not in marked]
    left = [size for at, size in plain.items() if at not in times and at not in marked]
    assert not inside or not left or min(inside) >= max(left)


def test_a_summary_says_the_sums_in_words(answer):
    data = digest_of(answer, "summary")
    assert data.rows == []
    assert data.summary.startswith(f"{answer.data.volume} BTC traded in 14 bars of 15s")
    assert f"by {abs(Decimal(answer.data.delta))} BTC" in data.summary


def test_an_empty_range_is_said_to_be_empty():
    async def law() -> None:
        empty = await answer_of(await Market().open(), **RANGE)
        assert digest_of(empty).summary.startswith("Nothing traded")

    asyncio.run(law())


@pytest.mark.parametrize(
    "asked", ["order-flow", "footprint", "activity-bars?kind=tick&size=20", "order-flow?reset=none"]
)
def test_rest_answers_in_the_envelope(client, asked):
    joiner = "&" if "?" in asked else "?"
    times = "&".join(f"{name}={value}" for name, value in RANGE.items())
    answer = client.get(f"{ROOT}/{asked}{joiner}{times}")
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"]["bars"]
    assert body["meta"]["quality"]["as_of"]
    assert body["meta"]["range"] == {name: int(value) for name, value in RANGE.items()}
    assert body["meta"]["method"]
    assert body["meta"]["parts"]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("order-flow?reset=weekly", 400, "bad_request"),
        ("order-flow?colour=red", 422, "invalid_request"),
        ("footprint?stack=1", 422, "invalid_request"),
        ("footprint?timeframe=1s", 400, "bad_request"),
        ("activity-bars?kind=tick", 422, "invalid_request"),
        ("activity-bars?kind=tick&size=-1", 422, "invalid_request"),
        ("order-flow?cursor=abc", 400, "bad_cursor"),
    ],
)
def test_rest_refuses_with_a_code(client, asked, status, code):
    answer = client.get(f"{ROOT}/{asked}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_market_that_is_not_collected_is_unknown(client):
    answer = client.get("/v1/markets/binance-usdm/DOGEUSDT/order-flow")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_market")
