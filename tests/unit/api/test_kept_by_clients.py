"""What a client keeps of an answer is never wrong: tags tell data apart, ages are not data."""

import asyncio

import pytest
from aged import DAY, MIDNIGHT
from aging import regular
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tape import BASE, BTC, MINUTE, ROOT, Market, ms, trade
from wired import MEDIA, TABLES, WINDOW

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.horizons import read_horizons
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS
from guarded import Guarded

LIVE = "private, no-cache"
SETTLED = "private, max-age=86400, immutable"
PAST = [f"{ROOT}/{noun}" for noun in ("candles", "volume-profile", "footprint")]
RANGED = [*PAST, f"{ROOT}/volume-profile/developing"]


@pytest.mark.parametrize("path", TABLES)
@pytest.mark.parametrize("form", MEDIA)
def test_who_has_it_already_is_told_so_without_a_body(reader, path: str, form: str) -> None:
    asked = TABLES[path] | {"format": form}
    first = reader.get(path, params=asked)
    tag = first.headers["etag"]
    again = reader.get(path, params=asked, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "vary", "x-quality"):
        assert again.headers[name] == first.headers[name]
    assert not {"content-type", "content-encoding"} & set(again.headers)
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


def test_every_form_has_a_tag_of_its_own(reader: TestClient) -> None:
    for path, asked in TABLES.items():
        tags = {reader.get(path, params=asked | {"format": one}).headers["etag"] for one in MEDIA}
        assert len(tags) == len(MEDIA)


@pytest.mark.parametrize(
    ("given_tags", "status"),
    [
        ("W/{tag}", 304),
        ("{tag}", 304),
        ('"other", W/{tag}, W/"more"', 304),
        ("*", 304),
        ('"other"', 200),
        ("{bare}", 200),
        ("", 200),
    ],
)
def test_any_of_the_tags_will_do(reader: TestClient, given_tags: str, status: int) -> None:
    path = f"{ROOT}/candles"
    tag = reader.get(path, params=WINDOW).headers["etag"].removeprefix("W/")
    headers = {"If-None-Match": given_tags.format(tag=tag, bare=tag.strip('"'))}
    assert reader.get(path, params=WINDOW, headers=headers).status_code == status


def test_the_clock_alone_changes_no_tag_and_the_header_tells_the_age(
    client: TestClient, market: Market
) -> None:
    for path in (*PAST, f"{ROOT}/depth"):
        asked = WINDOW if path in PAST else {}
        before = client.get(path, params=asked)
        market.clock.time += 700 * NS_PER_MS
        after = client.get(path, params=asked, headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 304, path
        ages = [
            int(answer.headers["x-quality"].split("staleness_ms=")[1].split(",")[0])
            for answer in (before, after)
        ]
        assert ages[1] - ages[0] == 700


def test_new_data_have_a_new_tag(client: TestClient, market: Market) -> None:
    for path in RANGED:
        before = client.get(path, params=WINDOW)
        asyncio.run(market.append([trade(300 + len(path), 239_000)]))
        after = client.get(path, params=WINDOW, headers={"If-None-Match": before.headers["etag"]})
        assert (after.status_code, after.headers["cache-control"]) == (200, LIVE)


def test_what_may_still_change_is_asked_for_again(reader: TestClient) -> None:
    for path, asked in TABLES.items():
        assert reader.get(path, params=asked).headers["cache-control"] == LIVE, path


def test_neither_refusals_nor_the_state_of_the_service_are_kept(reader: TestClient) -> None:
    for path in (f"{ROOT}/candles?start=x", "/nowhere", "/v1/markets/moon/X/trades", "/health"):
        answer = reader.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


@pytest.fixture(scope="module")
def old() -> tuple[TestClient, int]:
    """Ten days, aged; and the time before which nothing changes any more."""
    market = asyncio.run(regular())
    horizons = asyncio.run(read_horizons(market.stores.aggregates, (BTC.venue, BTC.symbol)))
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    return TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000)), horizons.late


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from(RANGED),
    start=st.integers(0, 10 * 24 * 60),
    minutes=st.integers(1, 280),
    ends=st.booleans(),
)
def test_only_what_ended_before_the_horizon_is_kept_for_long(
    old, path: str, start: int, minutes: int, *, ends: bool
) -> None:
    client, late = old
    begin = MIDNIGHT + start * MINUTE
    asked = {"start": ms(begin)} | ({"end": ms(begin + minutes * MINUTE)} if ends else {})
    answer = client.get(path, params=asked)
    if answer.status_code != 200:
        assert answer.status_code in {400, 410}
        return
    # The answered range may be wider than the asked one.
    done = ends and answer.json()["meta"]["range"]["end"] * NS_PER_MS <= late
    assert answer.headers["cache-control"] == (SETTLED if done else LIVE)


def test_the_first_page_of_a_tape_that_goes_on_is_not_kept(old) -> None:
    client, _ = old
    asked = {"start": ms(MIDNIGHT), "timeframe": "1d", "limit": 2}
    first = client.get(f"{ROOT}/candles", params=asked)
    assert first.json()["meta"]["next_cursor"]
    assert first.headers["cache-control"] == LIVE
    ended = client.get(f"{ROOT}/candles", params=asked | {"end": ms(MIDNIGHT + 5 * DAY)})
    assert ended.headers["cache-control"] == SETTLED


def test_what_was_kept_for_long_is_still_true_after_trades_that_came_too_late() -> None:
    market = asyncio.run(regular())
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000))
    asked = {"start": ms(MIDNIGHT), "end": ms(MIDNIGHT + DAY), "timeframe": "1d"}
    before = client.get(f"{ROOT}/candles", params=asked)
    assert before.headers["cache-control"] == SETTLED
    at = (MIDNIGHT + DAY // 2 - BASE) // NS_PER_MS
    asyncio.run(market.append([trade(90_000, at)]))
    asyncio.run(market.age())
    assert client.get(f"{ROOT}/candles", params=asked).content == before.content
