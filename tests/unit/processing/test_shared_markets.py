"""Two processes over the same stores: one works, one takes over, and nothing is in it twice."""

import asyncio

import pytest
from crew_tape import LEASE_S, PACE, Tape, crew, equals_brute_force, running, stopped
from hypothesis import given, settings
from hypothesis import strategies as st
from paused_crews import Gate, SharedClock, behind
from worker_tape import DAY, HOUR, MINUTE, START, STREAM, S

from cloud_marketdata.storage.memory import memory_stores

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


jumps = st.sampled_from(
    [0, S, 3 * S, 20 * S, MINUTE, 7 * MINUTE, HOUR, 9 * HOUR, -S, -5 * S, -3 * MINUTE, -2 * HOUR]
)
entries = st.lists(jumps, min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(
    stop_at=st.integers(1, 90),
    after=st.booleans(),
    asleep=st.sampled_from([0.2, 0.9, 1.1, 2.0, 4.5]),
    before=st.lists(entries, min_size=1, max_size=4),
    during=st.lists(entries, max_size=4),
    behind_it=st.lists(entries, max_size=3),
)
def test_one_that_sleeps_past_its_lease_anywhere_changes_nothing_when_it_wakes(
    stop_at, after, asleep, before, during, behind_it
):
    gate = Gate()
    gate.stop_at(stop_at, after=after)
    asyncio.run(_slept(gate, asleep, before, during, behind_it))


async def _slept(gate: Gate, asleep: float, before, during, behind_it) -> None:
    clock = SharedClock(START + 2 * DAY)
    stores = memory_stores(clock)
    tape = Tape(stores)
    sleeper, other = crew(behind(stores, gate), clock, "sleeper"), crew(stores, clock, "other")
    async with running(sleeper):
        for entry in before:
            await tape.append(*entry)
            await clock.move(0.3)
        async with running(other):
            for entry in during:
                await tape.append(*entry)
                await clock.move(0.3)
            await clock.move(asleep)
            gate.open()
            for entry in behind_it:
                await tape.append(*entry)
                await clock.move(0.3)
            await tape.close()
            await clock.move(4 * LEASE_S)
            assert len(sleeper.workers) + len(other.workers) == 1
            await equals_brute_force(stores, tape)


@pytest.mark.parametrize("after", [False, True])
async def test_what_a_sleeper_was_about_to_save_is_refused_when_somebody_else_has_begun(after):
    clock = SharedClock(START + 2 * DAY)
    stores = memory_stores(clock)
    tape = Tape(stores)
    gate = Gate()
    sleeper, other = crew(behind(stores, gate), clock, "sleeper"), crew(stores, clock, "other")
    async with running(sleeper):
        await tape.append(0, S, 70 * S)
        await clock.move(0.5)
        gate.stop_at(1, "save", after=after)
        await tape.append(S, S)
        await clock.move(0.5)
        assert gate.shut
        async with running(other):
            await tape.append(S)
            await clock.move(2 * LEASE_S)
            assert list(other.workers) == [STREAM]
            gate.open()
            await clock.move(2 * LEASE_S)
            await tape.close()
            await clock.move(2 * LEASE_S)

            assert list(other.workers) == [STREAM]
            assert (sleeper.tally["lost"], other.tally["lost"]) == (1, 0)
            pulse = await sleeper.pulse()
            assert (pulse.ok, pulse.detail["elsewhere"], pulse.detail["lost"]) == (True, 1, 1)
            await equals_brute_force(stores, tape)


async def test_a_market_is_taken_over_when_its_owner_is_gone_and_not_before():
    clock = SharedClock(START + 2 * DAY)
    stores = memory_stores(clock)
    tape = Tape(stores)
    gate = Gate()
    first, second = crew(behind(stores, gate), clock, "first"), crew(stores, clock, "second")
    await tape.append(0)
    async with running(first):
        await clock.move(1.0)
        async with running(second):
            await clock.move(10 * LEASE_S)
            assert (list(first.workers), list(second.workers)) == ([STREAM], [])
            gate.close()
            await clock.move(0.6 * LEASE_S)
            assert list(second.workers) == []
            await clock.move(1.0 * LEASE_S)
            assert list(second.workers) == [STREAM]
            gate.open()


async def test_one_that_stops_gives_its_markets_back_at_once():
    clock = SharedClock(START + 2 * DAY)
    stores = memory_stores(clock)
    tape = Tape(stores)
    long = PACE.model_copy(update={"lease_s": 600.0})
    first, second = crew(stores, clock, "first", long), crew(stores, clock, "second")
    await tape.append(0, S)
    async with running(first):
        await clock.move(1.0)
    await stopped(first)
    await tape.close()
    async with running(second):
        await clock.move(1.0)
        assert list(second.workers) == [STREAM]
        await equals_brute_force(stores, tape)


async def test_a_stop_leaves_alone_what_somebody_else_has():
    clock = SharedClock(START + 2 * DAY)
    stores = memory_stores(clock)
    tape = Tape(stores)
    first, second = crew(stores, clock, "first"), crew(stores, clock, "second")
    await tape.append(0)
    async with running(first):
        await clock.move(1.0)
        await second.finish()
        await clock.move(3 * LEASE_S)

        assert list(first.workers) == [STREAM]
        assert first.tally["lost"] == 0
