"""REST answers as promised, and refuses with stable codes."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tape import (
    BASE,
    MINUTE,
    ROOT,
    TAPE,
    FixedClock,
    Market,
    book,
    brute,
    floats_in,
    ms,
    trade,
)

from cloud_marketdata.api import schemas
from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.coverages import CoverageAnswer
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import BookState, BookView
from guarded import Guarded


def window(minutes: int = 4) -> dict[str, Any]:
    return {"start": ms(BASE), "end": ms(BASE + minutes * MINUTE)}


def answers(client: TestClient) -> dict[str, tuple[Any, dict[str, Any]]]:
    asked = {
        "/v1/markets": (schemas.MarketsAnswer, {}),
        f"{ROOT}/trades": (schemas.TradesAnswer, window()),
        f"{ROOT}/depth": (schemas.DepthAnswer, {}),
        f"{ROOT}/volume-profile": (schemas.ProfileAnswer, window()),
        f"{ROOT}/candles": (schemas.CandlesAnswer, window()),
        f"{ROOT}/coverage": (CoverageAnswer, window()),
    }
    return {path: (model, client.get(path, params=p)) for path, (model, p) in asked.items()}


def test_every_answer_fits_its_schema_and_has_quality(client: TestClient) -> None:
    for path, (model, answer) in answers(client).items():
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["content-type"] == "application/json"
        parsed = model.model_validate_json(answer.content)
        assert parsed.meta.quality.as_of is not None
        assert parsed.meta.quality.sources == ["binance-usdm"]
        assert parsed.data


def test_no_number_but_a_share_of_time_is_a_float(client: TestClient) -> None:
    shares = {f".data.shares.{state.value}" for state in CoverageState}
    for path, (_, answer) in answers(client).items():
        found = set(floats_in(msgspec.json.decode(answer.content))) - {".meta.quality.coverage"}
        assert found == (shares if path.endswith("/coverage") else set()), path


def test_every_route_of_the_page_is_answered_by_its_declared_model(client: TestClient) -> None:
    page = client.get("/openapi.json").json()
    calls = {
        (method, path): call
        for path, made in page["paths"].items()
        for method, call in made.items()
    }
    assert set(calls) == {
        *(("get", path) for path in OPERATIONS),
        ("get", "/v1/markets"),
        ("get", "/v1/rejections"),
        *(("get", f"/v1/markets/{{venue}}/{{symbol}}/{noun}") for noun in NOUNS),
        ("get", "/v1/pairs/{symbol}/anomalies"),
        ("get", "/v1/composite/{symbol}/volume-profile"),
        ("get", "/v1/composite/{symbol}/order-flow"),
        ("get", "/v1/composite/{symbol}/lead-lag"),
        ("get", "/v1/admin/symbols"),
        ("put", "/v1/admin/symbols/{venue}/{symbol}"),
        ("delete", "/v1/admin/symbols/{venue}/{symbol}"),
        ("get", "/v1/keys"),
        ("post", "/v1/keys"),
        ("get", "/v1/keys/self"),
        ("post", "/v1/keys/self/rotate"),
        ("get", "/v1/keys/{key_id}"),
        ("delete", "/v1/keys/{key_id}"),
        ("post", "/v1/keys/{key_id}/rotate"),
    }
    for (_, path), operation in calls.items():
        if path in {"/live", "/ready", "/metrics"}:
            continue  # They take nothing that could be wrong, and figures are no JSON.
        good = next(status for status in operation["responses"] if status.startswith("2"))
        schema = operation["responses"][good]["content"]["application/json"]["schema"]
        for model in schema.get("anyOf", [schema]):
            assert model["$ref"].startswith("#/components/schemas/")
        assert "application/problem+json" in operation["responses"]["422"]["content"]


OPERATIONS = ("/live", "/ready", "/health", "/metrics")
NOUNS = (
    "trades",
    "depth",
    "volume-profile",
    "candles",
    "coverage",
    "reconciliation",
    "order-flow",
    "footprint",
    "volume-profile/developing",
    "volume-profile/naked",
    "activity-bars",
    "anomalies",
)


def test_rows_sum_to_the_volume_of_the_bars(client: TestClient) -> None:
    profile = client.get(f"{ROOT}/volume-profile", params=window() | {"row_ticks": 1}).json()[
        "data"
    ]
    bars = client.get(f"{ROOT}/candles", params=window()).json()["data"]
    for row, bar in (("buy", "taker_buy_volume"), ("volume", "volume")):
        parts = profile["rows"] if row == "buy" else [profile]
        assert sum(Decimal(r[row]) for r in parts) == sum(Decimal(b[bar]) for b in bars)
    sold = sum(Decimal(row["sell"]) for row in profile["rows"])
    assert sold + Decimal(profile["buy"]) == Decimal(profile["volume"])
    total = brute(TAPE, BASE, BASE + 4 * MINUTE)
    assert Decimal(profile["volume"]) == total.scale.size(total.bar.volume)
    assert Decimal(profile["quote_volume"]) == total.scale.quote(total.bar.quote_volume)


def test_vwap_is_the_exact_quotient_rounded_once(client: TestClient) -> None:
    bars = client.get(f"{ROOT}/candles", params=window()).json()["data"]
    for bar in bars:
        exact = Decimal(bar["quote_volume"]) / Decimal(bar["volume"])
        assert bar["vwap"] == str(exact.quantize(Decimal("1e-9"), "ROUND_HALF_EVEN"))


def test_timeframes_are_merges_of_each_other(client: TestClient) -> None:
    volumes = set()
    for timeframe in ("1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d"):
        asked = window() | {"timeframe": timeframe, "limit": 1000}
        bars = client.get(f"{ROOT}/candles", params=asked).json()["data"]
        volumes.add(sum(Decimal(bar["volume"]) for bar in bars))
        assert bars[0]["first_id"] == 0
        assert bars[-1]["last_id"] == 299
    assert len(volumes) == 1


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 40), st.booleans())
def test_pages_of_trades_join_to_the_tape(limit: int, bounded: bool) -> None:  # noqa: FBT001 - drawn
    async def law() -> None:
        market = await Market().open()
        # Many trades of one millisecond, more than a page holds.
        tape = [trade(at, 5 * (at // 60)) for at in range(150)]
        await market.append(tape)
        app = create_app(
            queries=market.queries,
            operations=Operations([], Settings(), market.clock),
            clock=market.clock,
            settings=Settings(),
            guard=Guarded(market.clock, Settings()).edge,
        )
        client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
        asked: dict[str, Any] = {"start": ms(BASE), "limit": limit}
        if bounded:
            asked["end"] = ms(BASE + MINUTE)
        seen: list[int] = []
        for _ in range(200):
            page = client.get(f"{ROOT}/trades", params=asked).json()
            assert len(page["data"]) <= limit
            seen += [item["id"] for item in page["data"]]
            asked = {"limit": limit, "cursor": page["meta"]["next_cursor"]}
            if not asked["cursor"] or not page["data"]:
                break
        assert seen == list(range(150))
        assert (asked["cursor"] is None) == bounded

    asyncio.run(law())


def test_pages_of_candles_join_to_the_range(client: TestClient) -> None:
    whole = client.get(f"{ROOT}/candles", params=window() | {"timeframe": "1s", "limit": 1000})
    asked: dict[str, Any] = window() | {"timeframe": "1s", "limit": 7}
    seen: list[Any] = []
    while True:
        page = client.get(f"{ROOT}/candles", params=asked).json()
        assert len(page["data"]) <= 7
        seen += page["data"]
        if page["meta"]["next_cursor"] is None:
            break
        asked = {"timeframe": "1s", "limit": 7, "cursor": page["meta"]["next_cursor"]}
    assert seen == whole.json()["data"]


def test_candles_since_the_beginning_of_time_start_where_the_tape_does(client: TestClient) -> None:
    answer = client.get(f"{ROOT}/candles", params={"start": 0, "limit": 1000}).json()
    assert answer["data"][0]["open_time"] == BASE // NS_PER_MS
    assert answer["meta"]["next_cursor"] is None


def test_newest_trades_come_without_a_start_and_the_cursor_goes_on(
    client: TestClient, market: Market
) -> None:
    page = client.get(f"{ROOT}/trades", params={"limit": 3}).json()
    assert [item["id"] for item in page["data"]] == [297, 298, 299]
    cursor = page["meta"]["next_cursor"]
    empty = client.get(f"{ROOT}/trades", params={"cursor": cursor}).json()
    assert (empty["data"], empty["meta"]["next_cursor"]) == ([], cursor)
    asyncio.run(market.append([trade(300, 300_000)]))
    fresh = client.get(f"{ROOT}/trades", params={"cursor": cursor}).json()
    assert [item["id"] for item in fresh["data"]] == [300]
    assert fresh["meta"]["quality"]["gaps"] == []


def test_answers_are_fresh_before_anything_is_saved() -> None:
    market = asyncio.run(Market().open())
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
    empty = client.get(f"{ROOT}/volume-profile").json()["data"]
    assert (empty["poc"], empty["rows"], empty["volume"]) == (None, [], "0.000")
    assert empty["value_area"]["vah"] is None
    asyncio.run(market.append([trade(1, 0, size=7)]))
    assert client.get(f"{ROOT}/volume-profile").json()["data"]["volume"] == "0.007"


def test_depth_is_the_top_of_the_book_with_its_age(client: TestClient) -> None:
    answer = client.get(f"{ROOT}/depth", params={"levels": 2}).json()
    data = answer["data"]
    assert data["update_id"] == 77
    assert data["bids"] == [
        {"price": "61700.0", "size": "0.010"},
        {"price": "61699.9", "size": "0.011"},
    ]
    assert data["asks"][0] == {"price": "61700.3", "size": "0.020"}
    assert (data["mid"], data["spread"], data["spread_bps"]) == ("61700.15", "0.3", "0.0486")
    assert (data["bid_size"], data["ask_size"]) == ("0.021", "0.041")
    assert answer["meta"]["quality"]["staleness_ms"] == 250


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (None, "not been seen"),
        (book(state=BookState.STALE, reason="update ids 5 to 7 are missing"), "ids 5 to 7"),
        (book(state=BookState.BUFFERING), "buffering"),
        (book(received_at=BASE), "for 600 s"),
    ],
)
def test_book_that_may_not_be_believed_is_refused(view: BookView | None, words: str) -> None:
    async def fill() -> Market:
        market = await Market().open()
        if view:
            await market.stores.books.publish([view])
        return market

    market = asyncio.run(fill())
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    answer = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000)).get(
        f"{ROOT}/depth"
    )
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_ready"
    assert words in answer.json()["detail"]


def test_one_sided_book_has_no_mid() -> None:
    market = asyncio.run(Market().open())
    asyncio.run(market.stores.books.publish([book(asks=())]))
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    data = (
        TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
        .get(f"{ROOT}/depth")
        .json()["data"]
    )
    assert (data["best_ask"], data["mid"], data["spread"]) == (None, None, None)


def test_plus_of_an_offset_reads_as_it_should(client: TestClient) -> None:
    local = {"start": "2024-08-09T01:58:00+02:00", "end": "2024-08-09T02:02:00+02:00"}
    answers = [
        client.get(f"{ROOT}/volume-profile", params=asked).json()["data"]
        for asked in (local, window())
    ]
    assert answers[0] == answers[1]


def test_default_range_is_the_last_hour(market: Market) -> None:
    clock: FixedClock = market.clock
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), clock),
        clock=clock,
        settings=Settings(),
        guard=Guarded(clock, Settings()).edge,
    )
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
    meta = client.get(f"{ROOT}/volume-profile").json()["meta"]
    now = clock.now() // NS_PER_MS
    assert meta["range"] == {"start": now - 3_600_000, "end": now}


def test_rejected_input_can_be_read_by_reason_with_what_came(
    market: Market, client: TestClient
) -> None:
    bad = Rejection(Venue.BYBIT_SPOT, "malformed", "no JSON", b"{\xff", BASE, "BTCUSDT")
    counts = {(Venue.BYBIT_SPOT, "malformed"): 3}
    asyncio.run(market.stores.quarantine.record(counts, [bad]))

    told = client.get("/v1/rejections").json()["data"]

    assert told["counts"] == [{"venue": "bybit-spot", "reason": "malformed", "count": 3}]
    assert told["samples"] == [
        {
            "venue": "bybit-spot",
            "symbol": "BTCUSDT",
            "reason": "malformed",
            "detail": "no JSON",
            "sample": "{\\xff",
            "received_ts": int(ms(BASE)),
        }
    ]
