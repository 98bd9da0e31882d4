"""The same question in three languages: equal data and equal quality, or the same refusal.

A capture was collected and processed and lies at rest, the clock stands still, and random questions
are asked over a real socket: by REST, by MCP with detail=full, and as a subscription, whose first
frame is compared. Trade messages were left out on purpose, so that there are gaps to be told.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import pytest
from agreeing import assert_agrees, assert_told_live
from answering import Answer, Question, answering
from random_questions import NAMES, Known, random_question
from resting import Collector, StillClock, captured, process, stopped_after

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.replay.player import Drop
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio

# Nobody subscribes as often as this test.
SETTINGS = Settings(stream_controls_per_s=1000)


class Case(NamedTuple):
    """A capture, and how many questions are asked about it."""

    venue: Venue
    file: str
    symbols: tuple[str, ...]
    questions: int
    frames: int


class Asked(NamedTuple):
    """A question and its answers."""

    question: Question
    rest: Answer
    agent: Answer
    live: Answer


SPOT = Case(Venue.BINANCE_SPOT, "spot_btcusdt_20240808.gz", ("BTCUSDT",), 120, 20_000)
LINEAR = Case(
    Venue.BYBIT_LINEAR, "bybit_linear_20260809.gz", ("BTCUSDT", "ETHUSDT", "DOGEUSDT"), 80, 20_000
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def at_rest(case: Case, frames: Sequence[Frame], clock: StillClock) -> Stores:
    stores = memory_stores(clock)
    drop = Drop(every=97, kind="trade")
    await Collector(stores, case.venue, SETTINGS, drop).collect(frames)
    await process(stores, clock, SETTINGS)
    return stores


@pytest.mark.parametrize("case", [SPOT, LINEAR], ids=lambda case: case.venue)
async def test_the_same_question_is_answered_alike_in_three_languages(case):
    frames = captured(case.file)[: case.frames]
    clock = stopped_after(frames)
    first, last = (frame.received_at // NS_PER_MS for frame in (frames[0], frames[-1]))
    known, random = Known(case.venue, case.symbols, first, last), Random(6)  # noqa: S311 - questions
    asked: list[Asked] = []
    async with answering(await at_rest(case, frames, clock), clock, SETTINGS) as languages:
        for _ in range(case.questions):
            question = random_question(known, random)
            rest = await languages.rest(question)
            agent = await languages.mcp(question, detail="full")
            asked.append(Asked(question, rest, agent, await languages.stream(question)))
    for question, rest, agent, live in asked:
        assert_agrees(question.name, rest, agent)
        assert_told_live(rest, live)
    told = Counter(word for one in asked for word in said(one.question.name, one.rest))
    assert min(told[name] for name in NAMES) >= 5
    assert told["refused"] >= 5
    assert told["gaps"] >= 5 * case.venue.contiguous_ids


def said(name: str, answer: Answer) -> list[str]:
    """Return what is counted of an answer."""
    if answer.problem is not None:
        return ["refused"]
    gaps: list[Any] = answer.meta["quality"]["gaps"]
    return [name, "gaps"] if gaps else [name]
