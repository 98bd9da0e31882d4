"""Waiting for an append within one process, without losing one between a read and the wait.

Each task's last look is remembered by generation. An append after that look makes the next `wait`
of the task return at once; so a reader may read, find nothing and wait, in that order, safely.
"""

import asyncio
from weakref import WeakKeyDictionary

from cloud_marketdata.core.clock import Clock


class Wakeup:
    """Counts appends and wakes those who wait; to be used from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._appends = 0
        self._seen: WeakKeyDictionary[asyncio.Task[object], int] = WeakKeyDictionary()
        self._waiting: set[asyncio.Future[None]] = set()

    def look(self) -> None:
        """Remember that the running task is about to read; call before the read."""
        task = asyncio.current_task()
        if task:
            self._seen[task] = self._appends

    def notify(self) -> None:
        """Wake everyone; call after the append can be read."""
        self._appends += 1
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Return at the first append since the task's last look, at the latest after `seconds`."""
        task = asyncio.current_task()
        if task and self._seen.get(task, self._appends) == self._appends:
            await self._sleep(seconds)
        self.look()

    async def _sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._waiting.add(woken)
        try:
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._expire(seconds, woken))
                await woken
                timer.cancel()
        finally:
            self._waiting.discard(woken)

    async def _expire(self, seconds: float, woken: asyncio.Future[None]) -> None:
        await self._clock.sleep(seconds)
        if not woken.done():
            woken.set_result(None)
