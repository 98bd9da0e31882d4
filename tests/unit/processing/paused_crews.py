"""Crews that share stores on a virtual clock, and a gate that stops one of them at any call.

A process that is stopped and continued (SIGSTOP, a long swap, a suspended machine) looks like this
from outside: whatever it was about to do is done late, however the world has changed meanwhile.
"""

import asyncio
import heapq
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.ports import Stores

HOT, WARM = ("log", "leases", "members"), ("aggregates", "coverage")
TIERS = HOT + WARM


async def settled() -> None:
    """Let everybody else run until all of them wait for something."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)
    while loop._ready:  # noqa: ASYNC110  the loop tells it in no other way
        await asyncio.sleep(0)


class SharedClock:
    """Sleepers wake in the order of their times, when the test moves on."""

    def __init__(self, began: int) -> None:
        self.seconds = 0.0
        self._began = began
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self._began + round(self.seconds * NS_PER_S)

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep until the test has moved that far."""
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.seconds + seconds, next(self._order), woken))
        await woken.wait()

    async def move(self, seconds: float) -> None:
        """Let time pass, sleeper by sleeper."""
        end = self.seconds + seconds
        await settled()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.seconds, _, woken = heapq.heappop(self._sleepers)
            woken.set()
            await settled()
        self.seconds = end


class Gate:
    """Lets calls pass until one that is chosen; then nothing passes until it is opened again.

    name: which calls are counted, all unless one is given. after: the call is stopped when it has
    been done, but not yet answered.
    """

    def __init__(self) -> None:
        self._countdown = 0
        self._name = ""
        self._after = False
        self._for_good = False
        self._open = asyncio.Event()
        self._open.set()

    def stop_at(self, call: int, name: str = "", *, after: bool = False) -> None:
        """Stop at the call of this number from now on."""
        self._countdown, self._name, self._after = call, name, after

    @property
    def shut(self) -> bool:
        """Whether somebody stands before it."""
        return not self._open.is_set()

    def open(self) -> None:
        """Let everybody pass, from now on for good."""
        self._for_good = True
        self._open.set()

    def wake(self) -> None:
        """Let everybody pass, until it is stopped again."""
        self._countdown = 0
        self._open.set()

    def close(self) -> None:
        """Let nobody pass, unless it has been opened before."""
        if not self._for_good:
            self._open.clear()

    async def call(self, name: str, call: Callable[[], Awaitable[object]]) -> object:
        """Do one call of the process behind the gate."""
        counted = self._name in {"", name}
        self._countdown -= counted
        chosen = counted and self._countdown == 0
        if chosen and not self._after:
            self.close()
        await self._pass()
        answer = await call()
        if chosen and self._after:
            self.close()
        await self._pass()
        return answer

    async def _pass(self) -> None:
        await asyncio.sleep(0)
        await self._open.wait()


class Gated:
    """A port all of whose calls go through a gate, and the readers that it hands out too."""

    def __init__(self, inner: object, gate: "Gate | Outage") -> None:
        self._inner = inner
        self._gate = gate

    def __getattr__(self, name: str) -> object:
        """Return the method behind the gate."""
        method = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def gated(*asked: object, **named: object) -> object:
            answer = await self._gate.call(name, partial(method, *asked, **named))
            return Gated(answer, self._gate) if name == "reader" else answer

        return gated


class Outage:
    """A tier that is away while it is `down`; `calls` counts what was asked of it then."""

    def __init__(self) -> None:
        self.down = False
        self.calls = 0

    async def call(self, name: str, call: Callable[[], Awaitable[object]]) -> object:
        """Do a call, or say that nobody is there."""
        if self.down:
            self.calls += 1
            msg = f"{name}: nobody is there"
            raise StorageError(msg)
        return await call()


def behind(stores: Stores, gate: Gate | Outage, ports: tuple[str, ...] = TIERS) -> Stores:
    """Return the same stores as the process behind the gate reaches them."""
    gated = {name: Gated(getattr(stores, name), gate) for name in ports}
    return msgspec.structs.replace(stores, **gated)
