"""Replicas of the API hold nothing of their own: what one has begun any other goes on with.

Two of them run over one real Redis, MongoDB and S3, each with caches that have seen other questions
than those of the other; the clock stands still, so answers are equal to the last byte.
"""

from collections.abc import Sequence
from itertools import cycle
from random import Random
from typing import Any

import pytest
from answering import Languages
from random_questions import Known, random_question
from replicas import SYMBOLS, VENUE, Replicas, replicas, said

from cloud_marketdata.storage.ports import Stream, StreamKind

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("one_shard_each")]
Frame = dict[str, Any]
MARKET = {"venue": VENUE.value, "symbol": "BTCUSDT"}
STREAM = Stream(VENUE, "BTCUSDT", StreamKind.TRADES)
PATH = f"/v1/markets/{VENUE.value}/BTCUSDT"
OK, UNCHANGED, TOO_MANY = 200, 304, 429


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def questions(both: Replicas) -> list[tuple[str, dict[str, object]]]:
    """Return a question of every page about a market, and some at random."""
    page_of = {"start": both.first, "end": both.last, "timeframe": "1m"}
    whole = [(f"{PATH}/{name}", page_of) for name in PAGES]
    known, random = Known(VENUE.value, SYMBOLS, both.first, both.last), Random(3)  # noqa: S311
    made = [random_question(known, random) for _ in range(40)]
    some = [(f"/v1/markets/{one.venue}/{one.symbol}/{one.name}", one.params) for one in made]
    return [("/v1/markets", {}), ("/v1/rejections", {}), *whole, *some]


PAGES = (
    "trades",
    "depth",
    "coverage",
    "candles",
    "order-flow",
    "volume-profile",
    "anomalies",
    "footprint",
)


async def test_what_one_replica_answers_the_other_answers_byte_by_byte(deployment, tmp_path):
    async with replicas(tmp_path, deployment) as both:
        asked = questions(both)
        answered = 0
        # The caches of the one are warm by then, also of what changes later; the other's are not.
        for path, params in asked:
            await said(both.one, path, **params)
        await both.more()
        for path, params in asked:
            one = await said(both.one, path, **params)
            two = await said(both.two, path, **params)
            assert one == two, (path, params)
            answered += one.status == OK
            if one.etag:
                has = {"if-none-match": one.etag}
                again = await both.two.http.get(path, params=params, headers=has)
                assert (again.status_code, again.content) == (UNCHANGED, b"")
        assert answered > len(asked) / 2


PAGED = {
    "trades": {"limit": 7},
    "candles": {"limit": 4, "timeframe": "1s"},
    "anomalies": {"limit": 1, "severity": "info,warn,critical"},
}


async def test_a_cursor_of_one_replica_is_gone_on_with_on_the_other(deployment, tmp_path):
    async with replicas(tmp_path, deployment) as both:
        span = {"start": both.first, "end": both.last}
        for name, asked in PAGED.items():
            pages = await _paged(both, f"{PATH}/{name}", span | asked)
            whole = await both.one.http.get(f"{PATH}/{name}", params=span | asked | {"limit": 500})
            assert len(pages) > 2, name
            assert [row for page in pages for row in page] == _rows(whole.json()["data"])


async def _paged(both: Replicas, path: str, asked: dict[str, object]) -> list[list[object]]:
    """Return the pages of an answer, each asked of the other one than the page before."""
    pages, cursor = [], {}
    for replica in cycle((both.one, both.two)):
        answer = await replica.http.get(path, params=asked | cursor)
        assert answer.status_code == OK, answer.text
        body = answer.json()
        pages.append(_rows(body["data"]))
        if body["meta"]["next_cursor"] is None:
            break
        cursor = {"cursor": body["meta"]["next_cursor"]}
    return pages


def _rows(data: object) -> list[object]:
    return data["anomalies"] if isinstance(data, dict) else data


async def test_the_live_tape_of_agents_goes_on_at_another_replica(deployment, tmp_path):
    asked = {**MARKET, "duration_s": 1, "detail": "full"}
    async with replicas(tmp_path, deployment) as both:
        first = await both.one.agent.call_tool("stream_trades", asked)
        cursor = first.structured_content["data"]["next_cursor"]
        await both.more()
        seen, alternating = [], cycle((both.two, both.one))
        for _ in range(40):
            replica = next(alternating)
            answer = await replica.agent.call_tool("stream_trades", asked | {"cursor": cursor})
            data = answer.structured_content["data"]
            cursor = data["next_cursor"]
            seen.append(data)
            if not data["rows"]:
                break
        again = []
        cursor = first.structured_content["data"]["next_cursor"]
        for _ in seen:
            answer = await both.one.agent.call_tool("stream_trades", asked | {"cursor": cursor})
            again.append(answer.structured_content["data"])
            cursor = again[-1]["next_cursor"]
        assert [one["rows"] for one in seen] == [one["rows"] for one in again]
        assert [one["next_cursor"] for one in seen] == [one["next_cursor"] for one in again]
        assert sum(len(one["rows"]) for one in seen) > 10


async def test_a_stream_goes_on_at_another_replica_behind_the_last_seq(deployment, tmp_path):
    trades = {"name": "trades", **MARKET}
    async with replicas(tmp_path, deployment) as both:
        await both.one.say(op="subscribe", channels=[trades | {"from": both.first}])
        heard = [await both.one.hear() for _ in range(2)]
        at = {"epoch": heard[-1]["epoch"], "seq": heard[-1]["seq"]}
        await both.more()
        for replica in (both.two, both.one):
            await replica.say(op="unsubscribe", channels=[trades])
            await replica.say(op="subscribe", channels=[trades | {"from": at}])
        last = await both.collector._stores.log.last(STREAM)
        rest = [await _upto(replica, last.position) for replica in (both.two, both.one)]
        for frames in rest:
            before = [at["seq"], *(frame["seq"] for frame in frames[:-1])]
            assert [frame["prev_seq"] for frame in frames] == before
        assert _trades(rest[0]) == _trades(rest[1])
        told = _trades([*heard, *rest[0]])
        tape = await both.two.http.get(
            f"{PATH}/trades", params={"start": both.first, "limit": 1000}
        )
        assert len(told) > 50
        assert told[:1000] == tape.json()["data"][: len(told)]


async def _upto(replica: Languages, position: int) -> list[Frame]:
    """Return the updates up to a log position, replayed or live: where one ends is chance."""
    frames: list[Frame] = []
    while not frames or frames[-1]["seq"] < position:
        frame = await replica.hear()
        if frame["type"] == "update":
            frames.append(frame)
    return frames


def _trades(frames: Sequence[Frame]) -> list[object]:
    return [trade for frame in frames for trade in frame["data"]]


async def test_a_key_and_its_quota_are_one_on_both_replicas(deployment, tmp_path):
    async with replicas(tmp_path, deployment) as both:
        key = await both.one.guarded.key("market:read", per_minute=4)
        shown = {"authorization": f"Bearer {key}"}
        alternating = cycle((both.one, both.two))
        statuses = [
            (await next(alternating).http.get(f"{PATH}/depth", headers=shown)).status_code
            for _ in range(10)
        ]
        # One unit comes back every 15 s, so five may have been had, of both together.
        assert statuses[:4] == [OK] * 4
        assert statuses.count(TOO_MANY) >= 5
        record = (await both.two.guarded.desk.all())[0]
        await both.two.guarded.desk.revoke(record.id)
        for replica in (both.one, both.two):
            answer = await replica.http.get(f"{PATH}/depth", headers=shown)
            assert answer.json()["code"] == "key_revoked"
