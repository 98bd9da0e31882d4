"""Pairs over the log: any way of reading, any restart and any owner come to the same."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_markets import BASE, PAIR, Plan, entries, stage_told

from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.signal import SignalKind, Subject
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S
from cloud_marketdata.processing.pairs.analyst import PairAnalyst
from cloud_marketdata.processing.pairs.following import MOST_HELD, Following, Place, Told
from cloud_marketdata.processing.pairs.offline import compared
from cloud_marketdata.storage.flow_ports import FlowChanges
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Record, Stores

pytestmark = pytest.mark.anyio

LATENESS = 2 * NS_PER_S
END = 1 << 62


def _apart(second: float) -> float:
    return 70 if 150 <= second < 170 else 0


PLAN = Plan(200, lag_ms=30, apart=_apart, trades=3, steps=6)


class StoppedClock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> int:
        """Tell the time."""
        return BASE + int(self.seconds * NS_PER_S)

    def monotonic(self) -> float:
        """Tell seconds."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.seconds += seconds
        await asyncio.sleep(0)


def analyst_of(stores: Stores, fence: int) -> PairAnalyst:
    return PairAnalyst(PAIR, stores, LATENESS, fence=fence, tally=Counter())


async def logged(stores: Stores, told: Sequence[Told]) -> None:
    """Append entries, and at the end one on each side that lets all others be told."""
    streams = PAIR.streams
    for one in told:
        await stores.log.append([Batch(streams[one.stream], one.events)])


def closing(told: Sequence[Told]) -> list[Told]:
    """A fact on both sides an hour later."""
    time = told[-1].time + 3600 * NS_PER_S
    facts = [StatusEvent(venue, PAIR.symbol, StatusKind.ALIVE, time) for venue in PAIR[:2]]
    return [Told(2, time, [facts[0]]), Told(5, time, [facts[1]])]


async def kept(stores: Stores):
    flow = stores.flow
    return await flow.minutes(PAIR.subject, 0, END), await flow.signals(PAIR.subject, 0, END)


def expected(told: Sequence[Told]):
    made = stage_told(told)
    return made.minutes, list({signal.id: signal for signal in made.signals}.values())


async def test_what_is_stored_is_what_the_stage_says_of_the_whole_log():
    stores, told = memory_stores(StoppedClock()), entries(PLAN)
    await logged(stores, [*told, *closing(told)])
    analyst = analyst_of(stores, 1)
    await analyst.restore()
    await analyst.finish()
    streams = {one: await stores.log.read(one, limit=END) for one in PAIR.streams}
    assert compared(PAIR, streams).signals == (await kept(stores))[1]
    minutes, signals = expected(told)
    stored, detected = await kept(stores)
    assert stored[: len(minutes)] == minutes
    assert detected == signals
    assert [one.kind for one in detected] == [SignalKind.VENUE_DIVERGENCE]


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(0, 3_000), max_size=3), saves=st.booleans())
async def test_restarts_while_it_follows_change_nothing(cuts, saves):
    stores, told = memory_stores(StoppedClock()), entries(PLAN)
    begin = 0
    for fence, cut in enumerate([*sorted(cuts), len(told)], start=1):
        await logged(stores, told[begin:cut])
        begin = max(begin, cut)
        analyst = analyst_of(stores, fence)
        await analyst.restore()
        while await analyst.step():
            pass
        if saves:
            await analyst.save()
    await logged(stores, closing(told))
    await analyst.finish()
    minutes, signals = expected(told)
    stored, detected = await kept(stores)
    assert (stored[: len(minutes)], detected) == (minutes, signals)


async def test_a_store_that_is_away_for_a_while_loses_nothing():
    stores, told = memory_stores(StoppedClock()), entries(PLAN)
    real, fails = stores.flow.save, iter([True, True, False, True] + [False] * 99)

    async def save(subject: Subject, changes: FlowChanges, *, fence: int) -> None:
        if next(fails):
            msg = "away"
            raise StorageError(msg)
        await real(subject, changes, fence=fence)

    stores.flow.save = save
    await logged(stores, [*told, *closing(told)])
    analyst = analyst_of(stores, 1)
    await analyst.restore()
    for _ in range(99):
        await analyst.step()
        try:
            await analyst.save()
        except StorageError:
            continue
    minutes, signals = expected(told)
    stored, detected = await kept(stores)
    assert (stored[: len(minutes)], detected) == (minutes, signals)


async def test_who_was_relieved_can_save_nothing_any_more():
    stores, told = memory_stores(StoppedClock()), entries(PLAN)
    await logged(stores, told)
    old, new = (analyst_of(stores, fence) for fence in (1, 2))
    await old.restore()
    while await old.step():
        pass
    await new.restore()
    with pytest.raises(FencedError):
        await old.save()
    assert await kept(stores) == ([], [])


ARRIVALS = st.lists(st.lists(st.integers(0, 20_000), max_size=12), min_size=6, max_size=6)


@given(ARRIVALS, st.data())
def test_the_order_does_not_depend_on_how_the_log_was_read(arrivals, data):
    lines = [
        [Record(number, [_fact(ms)]) for number, ms in enumerate(sorted(times), start=1)]
        for times in arrivals
    ]
    straight = _followed(lines, lambda _left: 100)
    chunked = _followed(lines, lambda left: data.draw(st.integers(0, left)))
    assert [_key(one) for one in chunked] == [_key(one) for one in straight]
    assert len(straight) == sum(map(len, lines))
    assert [one.time for one in straight] == sorted(one.time for one in straight)


def _fact(ms: int) -> StatusEvent:
    time = BASE + ms * NS_PER_MS
    return StatusEvent(PAIR.first, PAIR.symbol, StatusKind.ALIVE, time)


def _key(told: Told) -> tuple[int, int]:
    return told.stream, told.time


def _followed(lines, size) -> list[Told]:
    """Read pages of any size in any order; a page that leaves something says so."""
    following, told, turns = Following([Place()] * 6, LATENESS), [], 0
    while turns < 60:
        turns += 1
        for index, after in following.wanted():
            left = lines[index][after:]
            page = left[: size(len(left)) if turns < 50 else len(left)]
            following.take(index, page, more=len(page) < len(left))
        told += following.release()
    return told + list(following.release(everything=True))


def test_many_entries_of_one_moment_do_not_block_each_other():
    following = Following([Place()] * 6, LATENESS)
    many = [Record(number, [_fact(5)]) for number in range(1, MOST_HELD + 2)]
    following.take(0, many, more=True)
    for index in range(1, 6):
        following.take(index, [Record(1, [_fact(60_000)])], more=False)
    assert len(list(following.release())) == len(many)
