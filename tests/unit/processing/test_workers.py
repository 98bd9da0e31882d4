"""A worker may stop anywhere: what is stored in the end equals the recomputation from the tape."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from worker_tape import (
    DAY,
    HOUR,
    KEPT,
    MINUTE,
    START,
    STREAM,
    S,
    StillClock,
    append,
    content,
    drained,
    fresh_stores,
    recomputed,
    started,
    stored,
    trade,
    worker,
)

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import Record

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _equals_the_recomputation(stores, tape, timeframes=KEPT) -> None:
    for timeframe in timeframes:
        found = await stored(stores, timeframe)
        assert content(found) == content(recomputed(tape, timeframe)), timeframe


# Mostly forward, at times far back: seconds to days are crossed, and some trades are late.
jumps = st.sampled_from(
    [0, 1, S - 1, S, 3 * S, 20 * S, MINUTE, 7 * MINUTE, HOUR, 3 * HOUR, 9 * HOUR]
) | st.sampled_from([-S, -5 * S, -3 * MINUTE, -2 * HOUR, -DAY])
entries = st.lists(st.tuples(jumps, st.sampled_from([0, 0, 0, 4])), min_size=1, max_size=4)
acts = st.sampled_from(["append", "append", "append", "step", "save", "fail", "crash"])


@settings(max_examples=150, deadline=None)
@given(plan=st.lists(st.tuples(acts, entries), min_size=1, max_size=25))
def test_any_saves_failures_and_crashes_end_in_the_recomputation(plan):
    asyncio.run(_played(plan))


async def _played(plan) -> None:
    stores, failing = fresh_stores()
    working = await started(stores)
    tape, now = [], START + DAY
    for act, entry in plan:
        if act == "append":
            batch = []
            for jump, flags in entry:
                now += jump
                number = len(tape) + len(batch) + 1
                batch.append(trade(number, now, price=600_000 + number % 7, flags=flags))
            tape += batch
            await append(stores, *batch)
        elif act == "step":
            await working.step()
        elif act == "save":
            await working.save()
        elif act == "fail":
            failing.failures = 1
            with suppress(StorageError):
                await working.save()
            failing.failures = 0
        else:
            working = await started(stores)
    tape.append(trade(len(tape) + 1, max([now, *(t.exchange_time for t in tape)]) + 3 * DAY))
    await append(stores, tape[-1])
    await drained(working)
    await working.save()
    await _equals_the_recomputation(stores, tape, (Timeframe.S1, Timeframe.M1))
    # The hour and the day of the last trade are still open; all before them are closed and summed.
    *closed, _ = recomputed(tape, Timeframe.H1)
    assert content(await stored(stores, Timeframe.H1)) == content(closed)
    *closed, _ = recomputed(tape, Timeframe.D1)
    assert content(await stored(stores, Timeframe.D1)) == content(closed)
    assert all(item.final for item in await stored(stores, Timeframe.H1))


async def test_hours_and_days_are_sums_of_what_the_watermark_has_passed():
    stores, _ = fresh_stores()
    working = await started(stores)
    tape = [trade(number, START + number * 7 * MINUTE) for number in range(1, 230)]
    for at in range(0, len(tape), 10):
        await append(stores, *tape[at : at + 10])
        await drained(working)
        await working.save()
        hours = await stored(stores, Timeframe.H1)
        assert all(item.end <= working.windows.watermark for item in hours)
    whole = {frame: recomputed(tape, frame) for frame in (Timeframe.H1, Timeframe.D1)}
    mark = working.windows.watermark
    for frame, buckets in whole.items():
        passed = [item for item in buckets if item.end <= mark]
        assert content(await stored(stores, frame)) == content(passed)
    assert len(await stored(stores, Timeframe.H1)) == 26


async def test_a_trade_that_is_late_for_its_hour_and_day_makes_both_new():
    stores, _ = fresh_stores()
    working = await started(stores)
    tape = [trade(1, START + HOUR), trade(2, START + DAY + HOUR)]
    await append(stores, *tape)
    await drained(working)
    await working.save()
    [day] = await stored(stores, Timeframe.D1)
    assert (day.late, day.revision) == (0, 0)

    for number, time in ((3, START + HOUR + 5), (4, START + 9 * HOUR)):
        tape.append(trade(number, time))
        await append(stores, tape[-1])
        await drained(working)
        await working.save()
        [day] = await stored(stores, Timeframe.D1)
        assert day.late == number - 2
        assert content([day]) == content([recomputed(tape, Timeframe.D1)[0]])
    hours = await stored(stores, Timeframe.H1)
    *closed, _ = recomputed(tape, Timeframe.H1)
    assert content(hours) == content(closed)
    assert [(item.late, item.final) for item in hours] == [(1, True), (1, True)]
    assert all(item.revision for item in hours)


async def test_a_failed_save_is_tried_again_with_what_was_folded_since():
    stores, failing = fresh_stores()
    working = await started(stores)
    tape = [trade(1, START), trade(2, START + MINUTE)]
    await append(stores, tape[0])
    await drained(working)
    failing.failures = 1
    with pytest.raises(StorageError):
        await working.save()
    assert await stored(stores, Timeframe.M1) == []
    assert await stores.log.read(STREAM) != []

    await append(stores, tape[1])
    await drained(working)
    await working.save()
    await _equals_the_recomputation(stores, tape, (Timeframe.S1, Timeframe.M1))
    assert working.saves == 1


class Narrow:
    """A log whose readers return few entries at a time, as behind what a failover repeats."""

    def __init__(self, log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    async def reader(self, stream, *, after: int):
        """See EventLog."""
        inner = await self._log.reader(stream, after=after)

        class Reader:
            acknowledge = inner.acknowledge

            async def read(self, limit: int) -> list[Record]:
                return await inner.read(min(limit, 3))

        return Reader()


async def test_a_stop_folds_all_that_is_there_however_short_the_pages_are():
    stores, _ = fresh_stores()
    for number in range(10):
        await append(stores, trade(number + 1, START + number))
    last = await stores.log.last(STREAM)

    working = await started(replace(stores, log=Narrow(stores.log)))
    await working.finish()

    assert working.position == last.position


async def test_a_restart_reads_only_what_is_not_inside():
    stores, _ = fresh_stores()
    working = await started(stores)
    await append(stores, trade(1, START))
    await drained(working)
    await working.save()
    await append(stores, trade(2, START + 1))
    await drained(working)

    again = await started(stores)
    assert again.position == 1
    assert not await again.step()
    assert again.position == 2
    [minute] = [item for item in again.windows.held() if item.timeframe is Timeframe.M1]
    assert (minute.bar.count, minute.position) == (2, 2)


async def test_a_restarted_worker_knows_its_watermark():
    stores, _ = fresh_stores()
    working = await started(stores)
    await append(stores, trade(1, START), trade(2, START + 5 * MINUTE))
    await drained(working)
    await working.save()
    again = await started(stores)
    assert again.windows.watermark == working.windows.watermark == START + 5 * MINUTE - 2 * S


@pytest.mark.parametrize("crash", [False, True])
async def test_an_hour_that_closes_after_its_last_minute_was_stored_is_summed(crash):
    stores, _ = fresh_stores()
    working = await started(stores)
    times = (START + MINUTE, START + HOUR + MINUTE, START + 2 * HOUR + S, START + 2 * HOUR + 5 * S)
    tape = [trade(number, time) for number, time in enumerate(times, 1)]
    for one in tape:
        await append(stores, one)
        if crash:
            working = await started(stores)
        await drained(working)
        await working.save()
    *closed, _ = recomputed(tape, Timeframe.H1)
    assert content(await stored(stores, Timeframe.H1)) == content(closed)


async def test_nothing_is_trimmed_that_is_not_inside_a_stored_aggregate():
    stores, _ = fresh_stores()
    clock = StillClock()
    clock.at = START + 9 * DAY
    working = worker(stores, clock, hot_minutes=1)
    await working.restore()
    for number in (1, 2, 3):
        await append(stores, trade(number, START + number))
    await working.step()
    for number in (4, 5):
        await append(stores, trade(number, START + number))
    await working.save()
    assert [record.position for record in await stores.log.read(STREAM)] == [4, 5]


async def test_young_entries_stay_in_the_log_although_they_are_inside():
    stores, _ = fresh_stores()
    clock = StillClock()
    clock.at = START + 2 * HOUR
    working = worker(stores, clock, hot_minutes=60)
    await working.restore()
    for number, time in ((1, START - MINUTE), (2, START + MINUTE)):
        await append(stores, trade(number, time))
    await drained(working)
    await working.save()
    # They were received an hour after they were made, and the log keeps an hour.
    assert [record.position for record in await stores.log.read(STREAM)] == [2]


async def test_finishing_stores_what_the_log_still_holds():
    stores, _ = fresh_stores()
    working = await started(stores)
    tape = [trade(number, START + number * S) for number in range(1, 500)]
    for one in tape:
        await append(stores, one)
    await working.finish()
    await _equals_the_recomputation(stores, tape, (Timeframe.S1, Timeframe.M1))
