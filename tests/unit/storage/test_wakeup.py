"""Nobody sleeps through an append."""

import asyncio

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.wakeup import Wakeup

pytestmark = pytest.mark.anyio


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
    wakeup.notify()
    async with asyncio.timeout(5):
        await wakeup.wait(60)

    assert clock.sleepers == 0


async def test_an_append_that_was_looked_at_does_not_end_the_wait(clock):
    wakeup = Wakeup(clock)
    wakeup.notify()
    wakeup.look()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await wakeup.wait(60)


async def test_the_same_append_does_not_end_two_waits_of_one_task(clock):
    wakeup = Wakeup(clock)
    wakeup.look()
    wakeup.notify()
    async with asyncio.timeout(5):
        await wakeup.wait(60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await wakeup.wait(60)


async def test_every_waiting_task_wakes_and_leaves_no_timer_behind(clock):
    wakeup = Wakeup(clock)
    before = len(asyncio.all_tasks())
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(wakeup.wait(60))
        for _ in range(4):
            await clock.slept.acquire()
        wakeup.notify()

    assert len(asyncio.all_tasks()) == before


async def test_the_clock_ends_a_wait_without_an_append(clock):
    clock.over.set()
    async with asyncio.timeout(5):
        await Wakeup(clock).wait(60)

    assert clock.sleepers == 1


async def test_a_cancelled_wait_leaves_nothing_behind(clock):
    wakeup = Wakeup(clock)
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(wakeup.wait(60))
    await clock.slept.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    wakeup.notify()
    assert asyncio.all_tasks() == before
