"""What is forgotten is never begun anew: its trades come too late, and its sums stay the same."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from worker_tape import (
    BTC,
    DAY,
    HOUR,
    MINUTE,
    START,
    S,
    append,
    content,
    drained,
    fresh_stores,
    recomputed,
    started,
    stored,
    trade,
)

from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.tiering.ports import Turn

pytestmark = pytest.mark.anyio
S1, M1, H1, D1 = Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def forgetting(stores: Stores, timeframe: Timeframe, before: int, passed: int = 0):
    """Return what forgets this when it is called."""

    async def forget(venue, symbol, *, fence: int) -> Turn:
        await stores.aggregates.forget(venue, symbol, timeframe, before, fence=fence)
        return Turn(passed=passed)

    return forget


async def missing(stores: Stores) -> list[int]:
    """Return the ids that the stored ledger says are missing."""
    kept = await stores.coverage.find(BTC.venue, BTC.symbol, 0, 1 << 62)
    return [number for hole in Ledger(BTC.venue, BTC.symbol, kept).missing() for number in hole.ids]


# Mostly forward; some trades are late, and some of those come too late.
jumps = st.sampled_from(
    [0, S, 20 * S, MINUTE, 7 * MINUTE, HOUR, 3 * HOUR, 9 * HOUR, -5 * S, -3 * MINUTE, -50 * MINUTE]
) | st.sampled_from([-2 * HOUR, -7 * HOUR, -DAY])
entries = st.lists(jumps, min_size=1, max_size=4)
acts = st.sampled_from(["append", "append", "append", "work", "work", "crash", "forget"])
ages = st.tuples(st.sampled_from([S1, M1, H1]), st.integers(0, 200).map(lambda n: n * 11 * MINUTE))


@settings(max_examples=100, deadline=None)
@given(plan=st.lists(st.tuples(acts, entries, ages), min_size=1, max_size=25))
def test_sums_equal_brute_force_over_all_that_did_not_come_too_late(plan):
    asyncio.run(_played(plan))


async def _played(plan) -> None:
    stores, _ = fresh_stores()
    tally = Tally()
    working = await started(stores, tally=tally)
    tape, waiting, late, now = [], [], [], START + 2 * DAY
    for act, entry, (timeframe, age) in plan:
        if act == "append":
            batch = []
            for jump in entry:
                now += jump
                number = len(tape) + len(waiting) + len(late) + len(batch) + 1
                batch.append(trade(number, now, price=600_000 + number % 7))
            waiting += batch
            await append(stores, *batch)
        elif act == "crash":
            await working.save()
            working = await started(stores, tally=tally)
        else:
            # The limit is what the law says, worked out from the store and not from the worker.
            limit = await _limit(stores)
            late += [one for one in waiting if one.exchange_time < limit]
            tape += [one for one in waiting if one.exchange_time >= limit]
            waiting = []
            await drained(working)
            await working.save()
            if act == "forget":
                # At any minute, also in the middle of an hour; but only of what has its sum.
                until = min(working.windows.watermark, now) - age
                whole = {S1: M1, M1: H1, H1: D1}[timeframe]
                before = min(until, whole.floor(working.windows.watermark))
                await working.forget(forgetting(stores, timeframe, before))
    limit = await _limit(stores)
    late += [one for one in waiting if one.exchange_time < limit]
    tape += [one for one in waiting if one.exchange_time >= limit]
    newest = max([now, *(one.exchange_time for one in tape)])
    tape.append(trade(len(tape) + len(late) + 1, newest + 3 * DAY))
    await append(stores, tape[-1])
    await drained(working)
    await working.save()

    assert tally["too_late"] == len(late)
    assert working.counts["refused_sums"] == 0
    for timeframe in (S1, M1, H1, D1):
        expected = recomputed(tape, timeframe)
        if timeframe in {H1, D1}:
            expected.pop()
        horizon = await stores.aggregates.horizon(BTC.venue, BTC.symbol, timeframe)
        left = [item for item in expected if item.end > horizon]
        assert content(await stored(stores, timeframe)) == content(left), timeframe


async def _limit(stores: Stores) -> int:
    """Return the end of the last hour that lost a minute, or of the last day that lost an hour."""
    limits = [0]
    for part, whole in ((M1, H1), (H1, D1)):
        horizon = await stores.aggregates.horizon(BTC.venue, BTC.symbol, part)
        limits.append(horizon + -horizon % whole.ns)
    return max(limits)


async def test_a_trade_that_is_too_late_is_told_with_its_id_and_stays_missing():
    stores, _ = fresh_stores()
    tally = Tally()
    working = await started(stores, tally=tally)
    await append(stores, trade(1, START + S), trade(3, START + 5 * HOUR))
    await drained(working)
    await working.forget(forgetting(stores, M1, START + 2 * HOUR))
    before = content(await stored(stores, H1))
    with capture_logs() as logs:
        await append(stores, trade(2, START + HOUR), trade(4, START + 5 * HOUR + S))
        await drained(working)
        await working.save()

    [told] = [entry for entry in logs if entry["event"] == "worker.too_late"]
    assert (told["ids"], told["trades"], told["horizon"]) == ([2], 1, START + 2 * HOUR)
    assert tally["too_late"] == 1
    assert await missing(stores) == [2]
    assert content(await stored(stores, H1)) == before
    assert [item.bar.count for item in await stored(stores, M1)] == [2]


async def test_a_late_trade_finds_its_minute_although_its_second_is_forgotten():
    stores, _ = fresh_stores()
    working = await started(stores)
    await append(stores, trade(1, START + S), trade(3, START + 20 * MINUTE))
    await drained(working)
    await working.forget(forgetting(stores, S1, START + 10 * MINUTE))
    await append(stores, trade(2, START + 2 * S))
    await drained(working)
    await working.save()

    first, *_ = await stored(stores, M1)
    assert (first.bar.count, first.late, first.revision) == (2, 1, 1)
    assert [item.start for item in await stored(stores, S1)] == [START + 20 * MINUTE]
    assert await missing(stores) == []


@pytest.mark.parametrize("crash", [False, True])
async def test_trades_that_nobody_waits_for_any_more_close_what_is_open(crash):
    stores, _ = fresh_stores()
    working = await started(stores)
    await append(stores, trade(1, START + 9 * HOUR))
    await drained(working)
    await working.save()
    assert [item.final for item in await stored(stores, M1)] == [False]

    await working.forget(forgetting(stores, M1, 0, passed=START + DAY))
    await working.save()
    assert [item.final for item in await stored(stores, M1)] == [True]
    assert content(await stored(stores, D1)) == content(
        recomputed([trade(1, START + 9 * HOUR)], D1)
    )
    await working.forget(forgetting(stores, M1, START + DAY))
    if crash:
        working = await started(stores)
    # A bucket that is gone was closed, although the tape itself never came that far.
    assert working.windows.watermark >= START + DAY


async def test_after_an_error_in_the_middle_of_forgetting_nothing_is_folded_with_old_horizons():
    stores, _ = fresh_stores()
    tally = Tally()
    working = await started(stores, tally=tally)
    await append(stores, trade(1, START + S), trade(2, START + 5 * HOUR))
    await drained(working)

    async def half(venue, symbol, *, fence: int) -> Turn:
        await stores.aggregates.forget(venue, symbol, M1, START + 2 * HOUR, fence=fence)
        msg = "away"
        raise StorageError(msg)

    with pytest.raises(StorageError):
        await working.forget(half)
    await append(stores, trade(3, START + HOUR))
    await drained(working)
    await working.save()

    assert tally["too_late"] == 1
    assert [item.bar.count for item in await stored(stores, H1)] == [1]


async def test_forgetting_comes_after_everything_that_was_folded_is_saved():
    stores, _ = fresh_stores()
    working = await started(stores)
    await append(stores, trade(1, START))
    await drained(working)
    seen = []

    async def look(*_market: str, fence: int) -> Turn:
        assert fence == 0
        seen.append(content(await stored(stores, M1)))
        return Turn(more=True)

    assert await working.forget(look)
    assert seen == [content(recomputed([trade(1, START)], M1))]


async def test_one_that_has_been_relieved_can_save_nothing_from_the_moment_the_next_one_reads():
    stores, _ = fresh_stores()
    old = await started(stores, fence=1)
    await append(stores, trade(1, START))
    await drained(old)
    new = await started(stores, fence=2)
    with pytest.raises(FencedError):
        await old.save()
    assert await stored(stores, M1) == []
    await drained(new)
    await new.save()
    assert content(await stored(stores, M1)) == content(recomputed([trade(1, START)], M1))
    with pytest.raises(FencedError):
        await started(stores, fence=1)
