"""What is wrong with the data is told on every surface: a gap, a late trade, a feed that is dead.

A whole service collects from a simulated venue that loses trades, refuses to tell them again, and
then goes away. Each time the same market is asked about by REST, by MCP and over the live stream.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from answering import Answer, Languages, Question, speaking
from processes import serving, settings, simulating
from served import strike

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import NS_PER_MS

pytestmark = pytest.mark.anyio

T = TypeVar("T")
Frame = dict[str, Any]
VENUE, SYMBOL = "binance-usdm", "BTCUSDT"
PATIENCE_S: Final = 100
STALE_MS: Final = 3_000
_MINUTE_MS: Final = 60_000
_BEFORE_MS: Final = 12_000
_LAST_MS: Final = 3_000
_HOUR_MS: Final = 3_600_000
_IMPATIENT: Final = {"MARKETDATA_STALE_AFTER_S": "1", "MARKETDATA_STREAM_CONTROLS_PER_S": "1000"}
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "volume-profile": {},
    "order-flow": {"timeframe": "1m"},
    "candles": {"timeframe": "1m"},
}
Qualities = dict[str, dict[str, Any]]


@contextmanager
def stage(folder: Path, *faults: str) -> Iterator[tuple[str, str]]:
    """Run a venue with faults and a service that collects it; tell where both answer."""
    told = [part for fault in faults for part in ("--faults", fault)]
    with simulating("--venue", VENUE, "--synthetic", "--seed", 4, *told) as port:
        env = settings([VENUE], [SYMBOL], port, folder, **_IMPATIENT)
        with serving(env) as (_, url):
            yield f"http://127.0.0.1:{port}", url


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_gap_is_told_everywhere_and_so_is_the_late_trade_that_fills_it(tmp_path):
    back_ms = (now_ms() + _BEFORE_MS) % _MINUTE_MS
    with stage(tmp_path, f"skew ms={-back_ms}") as (venue, url):
        async with speaking(url) as languages, told_live(url, "trades") as frames:
            await seen(lambda: well(languages))
            # The gap is filled when its minute is over: the venue wants to be left alone so long.
            left_ms = _MINUTE_MS - (now_ms() - back_ms) % _MINUTE_MS
            await asyncio.sleep(max(0, left_ms - _LAST_MS) / 1_000)
            strike(
                venue, "drop trade every=3 times=2; rest 429 path=aggTrades retry-after=15 times=1"
            )
            gaps = await seen(lambda: missing(languages))
            trades = {"start": min(gaps.values()) - 1, "limit": 1000}
            for surface, quality in (await everywhere(languages, trades)).items():
                assert gaps.keys() <= ends_of(quality).keys(), surface
                assert quality["repaired"] == 0, surface
            await seen(lambda: said(frames, "trade_gap"))
            await seen(lambda: filled(languages))
            await seen(lambda: revised(languages))
            for surface, quality in (await everywhere(languages, trades)).items():
                assert not gaps.keys() & ends_of(quality).keys(), surface
                assert quality["repaired"] > 0, surface
                if surface.split()[1] in ANSWERS:
                    assert quality["late"] > 0, surface
                    assert quality["revision"] > 0, surface


async def test_a_dead_feed_is_told_everywhere_and_a_book_out_of_sync_is_refused(tmp_path):
    with stage(tmp_path) as (venue, url):
        async with speaking(url) as languages, told_live(url, "depth") as frames:
            await seen(lambda: well(languages))
            # A book that was not in sync yet may have been told to be away before.
            heard = len(frames)
            strike(venue, "refuse connect; cut")
            await seen(lambda: said(frames[heard:], "not_ready"))
            await refused_and_told(languages, frames)
            assert (await languages.http.get("/health")).json()["status"] != "healthy"
            status = (await languages.stream(question("status"))).data
            assert (status["trades"]["state"], status["book"]["servable"]) == ("lost", False)
            before = await seen(lambda: at_rest(languages))
            await asyncio.sleep(STALE_MS / 1_000)
            assert_older(before, await everywhere(languages))
            await refused_and_told(languages, frames)
            await languages.http.delete(f"{venue}/_faults")
            await seen(lambda: well(languages))
            await seen(lambda: came_back(frames))


async def at_rest(languages: Languages) -> Qualities | None:
    """Return every surface's quality once what had come in before is processed everywhere."""
    before = await everywhere(languages)
    await asyncio.sleep(2)
    now = await everywhere(languages)
    return now if all(now[one]["as_of"] == before[one]["as_of"] for one in now) else None


def assert_older(before: Qualities, after: Qualities) -> None:
    """Hold that every surface tells the same newest trade and how it has aged."""
    for surface, now in after.items():
        was = before[surface]
        assert now["as_of"] == was["as_of"] is not None, surface
        assert now["staleness_ms"] - was["staleness_ms"] >= STALE_MS, surface


async def refused_and_told(languages: Languages, frames: Sequence[Frame]) -> None:
    """Hold that no surface has depth, that all give one reason, and that nothing stale is sent."""
    problems = [answer.problem for answer in await depth_everywhere(languages)]
    assert all(problem is not None for problem in problems)
    assert {(problem["code"], problem["detail"]) for problem in problems} == {
        ("not_ready", problems[0]["detail"])
    }
    assert problems[0]["status"] == 409
    assert frames[-1]["type"] in {"status", "heartbeat"}


async def seen(look: Callable[[], Awaitable[T | None]]) -> T:
    """Return the first thing found that is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await look()):  # noqa: ASYNC110  another process is looked at
            await asyncio.sleep(0.2)
    return found


def now_ms() -> int:
    return SystemClock().now() // NS_PER_MS


def question(name: str, **params: object) -> Question:
    span = {"start": now_ms() - _HOUR_MS} if name in {*ANSWERS, "coverage"} else {}
    return Question(name, VENUE, SYMBOL, {**span, **params})


async def everywhere(languages: Languages, trades: dict[str, int] | None = None) -> Qualities:
    """Ask every surface that answers about a range, and return what quality each tells.

    trades: which page of them; the newest one unless it is told.
    """
    found = {}
    for name, params in ANSWERS.items():
        asked = question(name, **params)
        found[f"rest {name}"] = await languages.rest(asked)
        found[f"mcp {name}"] = await languages.mcp(asked)
        found[f"stream {name}"] = await languages.stream(asked)
    found["rest trades"] = await languages.rest(question("trades", **(trades or {})))
    found["rest coverage"] = await languages.rest(question("coverage"))
    found["mcp coverage"] = await languages.mcp(question("coverage"))
    found["stream status"] = await languages.stream(question("status"))
    assert {name: one.problem for name, one in found.items() if one.problem} == {}
    return {name: answer.meta["quality"] for name, answer in found.items()}


async def depth_everywhere(languages: Languages) -> list[Answer]:
    asked = question("depth", levels=5)
    return [await languages.rest(asked), await languages.mcp(asked), await languages.stream(asked)]


@asynccontextmanager
async def told_live(url: str, name: str) -> AsyncIterator[list[Frame]]:
    """Listen to a channel as long as the block lasts, and collect its frames."""
    frames: list[Frame] = []
    async with speaking(url) as languages, asyncio.TaskGroup() as group:
        channel = {"name": name, "venue": VENUE, "symbol": SYMBOL}

        async def listen() -> None:
            while True:
                frames.append(await languages.hear())

        await seen(lambda: subscribed(languages, channel))
        listening = group.create_task(listen())
        yield frames
        listening.cancel()


async def subscribed(languages: Languages, channel: dict[str, str]) -> bool:
    """Subscribe; a market is unknown until something of it has come."""
    return (await languages.say(op="subscribe", channels=[channel]))["ok"]


async def well(languages: Languages) -> bool:
    """Whether there are trades, their age is told, and the book is in sync."""
    page = await languages.rest(question("trades", limit=1))
    depth = await languages.rest(question("depth"))
    return bool(page.data) and depth.problem is None


async def missing(languages: Languages) -> dict[tuple[int, int], int]:
    """Return the ids on both sides of each gap in which trades are proven missing; its start."""
    coverage = await languages.rest(question("coverage"))
    return ends_of(coverage.meta["quality"])


async def filled(languages: Languages) -> bool:
    coverage = await languages.rest(question("coverage"))
    return coverage.data["missing_trades"] == 0 and coverage.data["repaired_trades"] > 0


async def revised(languages: Languages) -> bool:
    """Whether a late trade has been processed and saved; until then it is told as late alone."""
    candles = await languages.rest(question("candles"))
    return candles.meta["quality"]["revision"] > 0


def ends_of(quality: dict[str, Any]) -> dict[tuple[int, int], int]:
    gaps = [gap for gap in quality["gaps"] if gap["missing"]]
    return {(gap["after_id"], gap["before_id"]): gap["start"] for gap in gaps}


async def said(frames: Sequence[Frame], code: str) -> bool:
    await asyncio.sleep(0)
    return any(one["type"] == "status" and one["data"]["code"] == code for one in frames)


async def came_back(frames: Sequence[Frame]) -> bool:
    """Whether a snapshot, and nothing else of the book, came behind the last refusal."""
    await asyncio.sleep(0)
    told = [one["type"] for one in frames if one["type"] != "heartbeat"]
    behind = told[len(told) - told[::-1].index("status") :]
    assert behind[:1] in ([], ["snapshot"])
    return bool(behind)
