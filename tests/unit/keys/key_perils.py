"""What may become of a process on its way to the store and to the disk: every step may be its last.

An answer may be lost on its way, on either side; a process may stand still.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TypeVar

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.keys.folder import KeyFolder
from cloud_marketdata.storage.memory.keys import MemoryKeys
from cloud_marketdata.storage.security_ports import KeyRecord

T = TypeVar("T")


class KilledError(BaseException):
    """The process ended here."""


class Fate:
    """Draws what becomes of a step: it is done, lost, or the last one of its process."""

    def __init__(self, random: Random, kills: float, losses: float) -> None:
        self.kills, self.losses = kills, losses
        self.killed = 0
        self.lost = 0
        self.paused = 0
        self._random = random

    def step(self) -> None:
        """Raise KilledError, or StorageError for what did not arrive, or nothing."""
        drawn = self._random.random()
        if drawn < self.kills:
            self.killed += 1
            raise KilledError
        if drawn < self.kills + self.losses:
            self.lost += 1
            msg = "no answer"
            raise StorageError(msg)

    def kill(self) -> None:
        """Raise KilledError, or nothing."""
        if self._random.random() < self.kills:
            self.killed += 1
            raise KilledError

    def hops(self) -> int:
        """Return how many others go first."""
        return self._random.randrange(4)

    def stands_still(self) -> bool:
        """Whether the process is stopped for some minutes now."""
        return self._random.random() < 4 * self.kills


class Wire:
    """The way from a process to the store."""

    def __init__(self, store: MemoryKeys, fate: Fate, pause: Callable[[], Awaitable[None]]) -> None:
        self._store = store
        self._fate = fate
        self._pause = pause

    async def find(self, key_id: str) -> KeyRecord | None:
        """See the port."""
        return await self._there_and_back(lambda: self._store.find(key_id))

    async def all(self) -> list[KeyRecord]:
        """See the port."""
        return await self._there_and_back(self._store.all)

    async def change(self, records: Sequence[KeyRecord]) -> bool:
        """See the port; the process may stand still once it is done."""
        done = await self._there_and_back(lambda: self._store.change(records))
        await self._pause()
        return done

    async def touch(self, key_id: str, used_at: int) -> None:
        """See the port."""
        await self._there_and_back(lambda: self._store.touch(key_id, used_at))

    async def _there_and_back(self, ask: Callable[[], Awaitable[T]]) -> T:
        await self._hop()
        self._fate.step()
        answer = await ask()
        await self._hop()
        self._fate.step()
        return answer

    async def _hop(self) -> None:
        for _ in range(self._fate.hops()):
            await asyncio.sleep(0)


class FragileFolder(KeyFolder):
    """A real folder, whose process may be killed before, in and after each write."""

    def __init__(self, folder: Path, fate: Fate) -> None:
        super().__init__(folder)
        self._fate = fate

    def stage(self, name: str, text: str) -> None:
        """Write it whole, or half and die."""
        self._fate.kill()
        super().stage(name, text)
        try:
            self._fate.kill()
        except KilledError:
            self._aside(name).write_text(text[:30])
            raise

    def publish(self, name: str) -> None:
        """Rename it, or die before or after that."""
        self._fate.kill()
        super().publish(name)
        self._fate.kill()


class AtOnce(ThreadPoolExecutor):
    """Does on the spot what a thread would do: a year has thousands of looks at the folder."""

    def submit(self, work: Callable[..., T], *given: object) -> Future[T]:
        """See concurrent.futures."""
        future: Future[T] = Future()
        try:
            future.set_result(work(*given))
        except BaseException as error:  # noqa: BLE001  whoever asked is to die of it
            future.set_exception(error)
        return future
