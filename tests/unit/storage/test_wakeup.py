"""Nobody sleeps through an append."""

import asyncio

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.wakeup import Wakeup

pytestmark = pytest.mark.anyio

BTC, ETH = ("binance-usdm", "BTCUSDT"), ("binance-usdm", "ETHUSDT")


class Asleep(SystemClock):
    """Counts its sleepers and wakes none of them until told to."""

    def __init__(self) -> None:
        self.sleepers = 0
        self.slept = asyncio.Semaphore(0)
        self.over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Sleep until `over` is set."""
        del seconds
        self.sleepers += 1
        self.slept.release()
        await self.over.wait()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def clock():
    return Asleep()


async def test_an_append_after_the_look_ends_the_wait_before_it_sleeps(clock):
    wakeup = Wakeup(clock)
    wakeup.look()
    wakeup.notify([BTC])
    async with asyncio.timeout(5):
        await wakeup.wait(BTC, 60)

    assert clock.sleepers == 0


async def test_an_append_that_was_looked_at_does_not_end_the_wait(clock):
    wakeup = Wakeup(clock)
    wakeup.notify([BTC])
    wakeup.look()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await wakeup.wait(BTC, 60)


async def test_the_same_append_does_not_end_two_waits_of_one_task(clock):
    wakeup = Wakeup(clock)
    wakeup.look()
    wakeup.notify([BTC])
    async with asyncio.timeout(5):
        await wakeup.wait(BTC, 60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await wakeup.wait(BTC, 60)


async def test_an_append_between_two_looks_of_a_task_ends_its_wait(clock):
    wakeup = Wakeup(clock)
    wakeup.look()
    wakeup.notify([BTC])
    wakeup.look()
    async with asyncio.timeout(5):
        await wakeup.wait(BTC, 60)

    assert clock.sleepers == 0


async def test_an_append_wakes_only_those_who_wait_for_its_market(clock):
    wakeup = Wakeup(clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = [group.create_task(wakeup.wait(market, 60)) for market in (BTC, ETH)]
        for _ in waiting:
            await clock.slept.acquire()
        wakeup.notify([BTC])
        await waiting[0]
        assert not waiting[1].done()
        wakeup.notify_all()


async def test_an_append_anywhere_before_the_wait_ends_it(clock):
    wakeup = Wakeup(clock)
    wakeup.look()
    wakeup.notify_all()
    async with asyncio.timeout(5):
        await wakeup.wait(ETH, 60)

    assert clock.sleepers == 0


async def test_an_append_to_another_market_before_the_wait_does_not_end_it(clock):
    wakeup = Wakeup(clock)
    wakeup.look()
    wakeup.notify([BTC])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await wakeup.wait(ETH, 60)


async def test_every_waiting_task_wakes_and_leaves_no_timer_behind(clock):
    wakeup = Wakeup(clock)
    before = len(asyncio.all_tasks())
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(wakeup.wait(BTC, 60))
        for _ in range(4):
            await clock.slept.acquire()
        wakeup.notify([BTC])

    assert len(asyncio.all_tasks()) == before


async def test_the_clock_ends_a_wait_without_an_append(clock):
    clock.over.set()
    async with asyncio.timeout(5):
        await Wakeup(clock).wait(BTC, 60)

    assert clock.sleepers == 1


async def test_a_cancelled_wait_leaves_nothing_behind(clock):
    wakeup = Wakeup(clock)
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(wakeup.wait(BTC, 60))
    await clock.slept.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    wakeup.notify([BTC])
    assert asyncio.all_tasks() == before
