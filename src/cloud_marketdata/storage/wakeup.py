"""Waiting for an append within one process, without losing one between a read and the wait.

Each task's first look since its last wait is remembered by generation. An append after that look
makes the next `wait` of the task return at once; so a reader may read several streams, find nothing
and wait, in that order, safely. Who waits is woken by its own market alone: otherwise every append
would have every owner of a process look in vain.
"""

import asyncio
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from cloud_marketdata.core.clock import Clock

Market = tuple[str, str]
"""Venue and symbol."""


class Wakeup:
    """Counts appends and wakes those who wait; to be used from one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._appends = 0
        self._latest: dict[Market, int] = {}
        self._latest_anywhere = 0
        self._seen: WeakKeyDictionary[asyncio.Task[object], int] = WeakKeyDictionary()
        self._waiting: dict[Market, set[asyncio.Future[None]]] = {}

    def look(self) -> None:
        """Remember that the running task is about to read; call before the read."""
        task = asyncio.current_task()
        if task:
            self._seen.setdefault(task, self._appends)

    def notify(self, markets: Iterable[Market]) -> None:
        """Wake whoever waits for these markets; call after the append can be read."""
        self._appends += 1
        for market in markets:
            self._latest[market] = self._appends
            _wake(self._waiting.get(market, ()))

    def notify_all(self) -> None:
        """Wake everyone: something may have been appended anywhere."""
        self._appends += 1
        self._latest_anywhere = self._appends
        for waiting in self._waiting.values():
            _wake(waiting)

    async def wait(self, market: Market, seconds: float) -> None:
        """Return at the first append to the market since the task's first look after its last wait.

        That is at the latest after `seconds`; who has not looked waits for the next append.
        """
        task = asyncio.current_task()
        seen = self._seen.pop(task, self._appends) if task else self._appends
        if max(self._latest.get(market, 0), self._latest_anywhere) <= seen:
            await self._sleep(market, seconds)

    async def _sleep(self, market: Market, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(market, set())
        waiting.add(woken)
        try:
            async with asyncio.TaskGroup() as group:
                timer = group.create_task(self._expire(seconds, woken))
                await woken
                timer.cancel()
        finally:
            waiting.discard(woken)
            if not waiting:
                del self._waiting[market]

    async def _expire(self, seconds: float, woken: asyncio.Future[None]) -> None:
        await self._clock.sleep(seconds)
        _wake([woken])


def _wake(waiting: Iterable[asyncio.Future[None]]) -> None:
    for waiter in waiting:
        if not waiter.done():
            waiter.set_result(None)
