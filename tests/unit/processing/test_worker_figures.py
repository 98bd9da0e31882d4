"""What a worker tells of its way: every trade that is saved once, and how far behind it is."""

import pytest
from worker_tape import (
    HOUR,
    START,
    STREAM,
    VENUE,
    S,
    StillClock,
    append,
    drained,
    fresh_stores,
    trade,
    worker,
)

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.processing.tally import Tally

pytestmark = pytest.mark.anyio
AT = START + HOUR
"""When a trade of `START` was received."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def begun(tally: Tally):
    """Return stores, their saboteur, a clock at the time of the tape, and a worker on it."""
    stores, failing = fresh_stores()
    clock = StillClock()
    clock.at = AT
    made = worker(stores, clock, tally)
    await made.restore()
    return stores, failing, clock, made


async def test_each_trade_is_timed_once_when_it_is_saved_and_not_before():
    tally = Tally()
    stores, failing, clock, made = await begun(tally)
    await append(stores, *(trade(n, START) for n in range(5)))
    await drained(made)
    assert not tally.processed.by_venue
    failing.failures = 1
    with pytest.raises(StorageError):
        await made.save()
    assert not tally.processed.by_venue
    clock.at = AT + 3 * S
    await made.save()
    await made.save()
    processed = tally.processed.by_venue[VENUE]
    assert processed.count == 5
    assert processed.total == pytest.approx(15)


async def test_its_counts_outlive_it():
    tally = Tally()
    stores, _, _, made = await begun(tally)
    await append(stores, trade(1, START))
    await drained(made)
    await made.save()
    again = worker(stores, StillClock(), tally, fence=1)
    await again.restore()
    await append(stores, trade(2, START + S))
    await drained(again)
    await again.save()
    assert tally.processed.by_venue[VENUE].count == 2


async def test_it_is_as_far_behind_as_its_oldest_unsaved_trade():
    stores, failing, clock, made = await begun(Tally())
    await append(stores, trade(1, START))
    clock.at = AT + S
    await drained(made)
    assert made.saved_until == AT
    failing.failures = 1
    clock.at = AT + 9 * S
    await append(stores, trade(2, START + 8 * S))
    await drained(made)
    with pytest.raises(StorageError):
        await made.save()
    assert made.saved_until == AT
    await made.save()
    assert made.saved_until == AT + 9 * S


async def test_a_log_that_cannot_be_read_leaves_it_behind_although_nothing_is_unsaved():
    _, _, clock, made = await begun(Tally())
    await made.step()
    seen = made.saved_until

    async def away(limit: int) -> list:
        del limit
        raise StorageError(STREAM.symbol)

    made._reader.read = away
    clock.at += 60 * S
    with pytest.raises(StorageError):
        await made.step()
    assert made.saved_until == seen
