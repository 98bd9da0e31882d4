"""A deployment's keys on stores in memory, with a clock that is moved by hand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.keys.desk import KeyDesk, NewKey
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.lineages import Lineages
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.storage.memory.keys import MemoryKeys
from cloud_marketdata.storage.security_ports import KeyRecord

NS = 10**9
HOUR = 3600 * NS
DAY = 24 * HOUR
BEGAN = 20_000 * DAY
HERE = "192.0.2.7"
READER = NewKey(owner="Zoë", scopes=("market:read",))


async def settled() -> None:
    """Let the others go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    """Let the others go on until it is so."""
    for _ in range(200_000):
        if await met():
            return
        await asyncio.sleep(0)
    raise AssertionError(met)


class HandClock:
    """Time that passes when the test says so; a sleep ends when its time has come."""

    def __init__(self) -> None:
        self._now = BEGAN
        self._passed = asyncio.Event()

    def now(self) -> int:
        """See core.clock."""
        return self._now

    def monotonic(self) -> float:
        """See core.clock."""
        return self._now / NS

    async def sleep(self, seconds: float) -> None:
        """See core.clock."""
        until = self._now + int(seconds * NS)
        while self._now < until:
            await self._passed.wait()

    def pass_by(self, ns: float) -> None:
        """Let time pass."""
        self._now += int(ns)
        self._passed.set()
        self._passed = asyncio.Event()


class WatchedKeys(MemoryKeys):
    """Counts the questions, lets others go between, may be away, and may be held up."""

    def __init__(self) -> None:
        super().__init__()
        self.finds = 0
        self.changes = 0
        self.touches: list[tuple[str, int]] = []
        self.away = False
        self.gate: asyncio.Event | None = None

    async def find(self, key_id: str) -> KeyRecord | None:
        """See the port."""
        self.finds += 1
        self._refuse()
        await asyncio.sleep(0)
        found = await super().find(key_id)
        if self.gate is not None:
            await self.gate.wait()
            self._refuse()
        return found

    async def all(self) -> list[KeyRecord]:
        """See the port; what is told may be old when it arrives."""
        self._refuse()
        found = await super().all()
        await asyncio.sleep(0)
        return found

    async def change(self, records: Sequence[KeyRecord]) -> bool:
        """See the port."""
        self.changes += 1
        self._refuse()
        await asyncio.sleep(0)
        return await super().change(records)

    async def touch(self, key_id: str, used_at: int) -> None:
        """See the port."""
        self._refuse()
        self.touches.append((key_id, used_at))
        await super().touch(key_id, used_at)

    def _refuse(self) -> None:
        if self.away:
            msg = "away"
            raise StorageError(msg)


class Room:
    """All that keys need, and as many keyrings as there are replicas."""

    def __init__(self, peppers: Peppers | None = None, **settings: object) -> None:
        self.clock = HandClock()
        self.store = WatchedKeys()
        self.settings = Settings(storage="memory", **settings)
        self.peppers = peppers or Peppers({"first": "a pepper for tests, and only for them"})
        self.random = Random(11)  # noqa: S311  keys of tests open nothing
        self.desk = KeyDesk(self.store, self.peppers, self.clock, self.random, self.settings)
        self.lineages = Lineages(self.store, self.peppers, self.clock, self.random, self.settings)
        self.keyring = self.replica()

    def replica(self, peppers: Peppers | None = None) -> Keyring:
        """Return the keyring of one more process."""
        return Keyring(self.store, peppers or self.peppers, self.clock, self.settings)

    async def record(self, key_id: str) -> KeyRecord:
        """Return what is stored, without a question that counts."""
        found = await MemoryKeys.find(self.store, key_id)
        assert found is not None
        return found
