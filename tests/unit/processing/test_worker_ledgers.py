"""A worker may stop anywhere: the stored ledger equals the fold of the whole log, facts and all."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worker_tape import (
    BTC,
    DAY,
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
from cloud_marketdata.domain.coverage import CoverageState, Covered
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.storage.coverage import fold_facts, fold_trades, read_ledger
from cloud_marketdata.storage.ports import Batch, Stores, Stream, StreamKind

pytestmark = pytest.mark.anyio
STATUS = Stream(*STREAM[:2], StreamKind.STATUS)
ALL = (0, 1 << 62)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def tell(stores: Stores, kind: StatusKind, at: int, **detail: int | str) -> None:
    """Append one fact."""
    event = StatusEvent(BTC.venue, BTC.symbol, kind, at, dict(detail))
    await stores.log.append([Batch(STATUS, [event])])


async def from_the_log(stores: Stores) -> Ledger:
    """Return the ledger of the whole log."""
    made = Ledger(BTC.venue, BTC.symbol, Kept())
    await fold_facts(stores.log, made)
    await fold_trades(stores.log, made)
    return made


async def saved(stores: Stores) -> Ledger:
    """Return the ledger as it is stored."""
    return Ledger(BTC.venue, BTC.symbol, await stores.coverage.find(*STREAM[:2], *ALL))


def known(made: Ledger) -> list[object]:
    """Return all that a ledger says."""
    return [made.trades_at, made.status_at, *map(made.intervals, Covered), made.missing()]


KINDS = [k for k in StatusKind if k not in {StatusKind.CONNECTED, StatusKind.DISCONNECTED}]
# An id and how many follow it; some lie ahead, some fill what was left out, none comes twice.
blocks = st.tuples(st.integers(1, 60), st.integers(1, 6))
acts = st.sampled_from(["append", "append", "tell", "step", "save", "fail", "crash", "read"])


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(acts, blocks, st.sampled_from(KINDS)), min_size=1, max_size=30))
def test_any_saves_failures_and_crashes_end_in_the_ledger_of_the_log(plan):
    asyncio.run(_played(plan))


async def _played(plan) -> None:
    stores, failing = fresh_stores()
    working, tape = await started(stores), {}
    for act, (first, length), kind in plan:
        if act == "append":
            fresh = [n for n in range(first, first + length) if n not in tape]
            tape |= {n: trade(n, START + n * S) for n in fresh}
            if fresh:
                await append(stores, *(tape[n] for n in fresh))
        elif act == "tell":
            at = first * 1000
            detail = {"from_ms": at, "to_ms": at + 5, "since_ms": at, "after_id": first}
            detail |= {"before_id": first + length, "trades": 1, "book": "synced", "reason": "x"}
            await tell(stores, kind, at * NS_PER_MS, **detail)
        elif act == "step":
            await working.step()
        elif act == "save":
            await working.save()
        elif act == "fail":
            failing.failures = 1
            with suppress(StorageError):
                await working.save()
            failing.failures = 0
        elif act == "crash":
            working = await started(stores)
        else:
            assert (await read_ledger(stores, *STREAM[:2])).missing() == (
                await from_the_log(stores)
            ).missing()
    await drained(working)
    await working.save()
    assert known(await saved(stores)) == known(await from_the_log(stores))
    low, high = min(tape, default=0), max(tape, default=0)
    gone = {n for n in range(low, high) if n not in tape}
    assert {n for hole in (await saved(stores)).missing() for n in hole.ids} == gone
    assert content(await stored(stores, Timeframe.M1)) == content(
        recomputed(tape.values(), Timeframe.M1)
    )


async def test_facts_are_saved_although_no_trade_came():
    stores, _ = fresh_stores()
    working = await started(stores)
    await tell(stores, StatusKind.BOOK_SYNCED, START)
    await tell(stores, StatusKind.ALIVE, START + 5 * S, book="synced")
    await working.save()

    [book] = (await saved(stores)).intervals(Covered.BOOK)
    assert (book.start, book.end, book.state) == (START, START + 5 * S, CoverageState.COMPLETE)
    assert await stored(stores, Timeframe.M1) == []


async def test_a_reader_need_not_wait_for_a_save():
    stores, _ = fresh_stores()
    working = await started(stores)
    await append(stores, trade(1, START), trade(2, START + S))
    await drained(working)
    await working.save()
    await append(stores, trade(5, START + 2 * S))
    gap = {"after_id": 2, "before_id": 5, "from_ms": 1, "to_ms": 2}
    await tell(stores, StatusKind.TRADES_UNREPAIRED, START, **gap, reason="refused")

    [hole] = (await read_ledger(stores, *STREAM[:2])).missing()
    assert (hole.ids, hole.reason) == (range(3, 5), "refused")
    assert (hole.start, hole.end) == (START + S, START + 2 * S)


async def test_no_fact_is_trimmed_that_is_not_inside_the_saved_ledger():
    stores, failing = fresh_stores()
    clock = StillClock()
    clock.at = START + DAY
    working = worker(stores, clock, hot_minutes=1)
    await working.restore()
    for number in range(3):
        await tell(stores, StatusKind.ALIVE, START + number, book="synced")
    failing.failures = 1
    with pytest.raises(StorageError):
        await working.save()
    assert len(await stores.log.read(STATUS)) == 3

    await working.save()
    assert [record.position for record in await stores.log.read(STATUS)] == [3]


async def test_young_facts_stay_in_the_log_although_they_are_inside():
    stores, _ = fresh_stores()
    clock = StillClock()
    clock.at = START + 62 * MINUTE
    working = worker(stores, clock, hot_minutes=60)
    await working.restore()
    for minute in (1, 2, 3):
        await tell(stores, StatusKind.ALIVE, START + minute * MINUTE, book="synced")
    await working.save()

    assert [record.position for record in await stores.log.read(STATUS)] == [2, 3]


async def test_a_save_without_anything_new_stores_nothing():
    stores, _ = fresh_stores()
    working = await started(stores)
    await append(stores, trade(1, START))
    await tell(stores, StatusKind.STARTED, START)
    await drained(working)
    await working.save()
    await working.save()

    assert working.saves == 1
