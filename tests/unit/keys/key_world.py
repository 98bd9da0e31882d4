"""A deployment over a year: three replicas that die at any moment and begin again.

A process that stands still does so for longer than its lease lasts, so it goes to another one.
`World.wrongs` says what must never happen and did.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import TypeVar

from key_perils import Fate, FragileFolder, KilledError, Wire
from keyroom import DAY, HERE, HOUR, NS, HandClock

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.keys.desk import KeyDesk
from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.lifecycle import is_valid
from cloud_marketdata.security.keys.lineages import Lineages
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.keys.rotating import Rotating
from cloud_marketdata.security.refusals import RefusedError
from cloud_marketdata.storage.memory.keys import MemoryKeys
from cloud_marketdata.storage.memory.leases import MemoryLeases

T = TypeVar("T")


class Replica:
    """One process: it begins anew, with empty caches, after each death."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self._name = name
        self._lives = 0
        self.back_at = 0
        self.live()

    def live(self) -> None:
        """Begin, or begin again."""
        world, self._lives = self._world, self._lives + 1
        wire = Wire(world.store, world.fate, world.nothing)
        slow = Wire(world.store, world.fate, world.pause)
        shared = (world.peppers, world.clock, world.random, world.settings)
        self.keyring = Keyring(wire, world.peppers, world.clock, world.settings)
        self.desk = KeyDesk(wire, *shared)
        self._rotating = Rotating(
            slow,
            world.leases,
            Lineages(slow, *shared),
            FragileFolder(world.folder, world.fate),
            world.clock,
            f"{self._name}.{self._lives}",
            world.delivered.append,
        )

    async def serve(self, ask: Callable[["Replica"], Awaitable[T]]) -> T | None:
        """Answer, or die; None where no answer arrives."""
        if self._world.clock.now() < self.back_at:
            return None
        try:
            return await ask(self)
        except KilledError:
            self.back_at = self._world.clock.now() + self._world.random.randrange(6) * HOUR
            self.live()
        except (StorageError, OSError):
            pass
        return None

    async def work(self) -> None:
        """Do a round of the job."""
        await self.serve(lambda replica: replica._rotating.round())


class World:
    """All of it, over one year."""

    def __init__(self, seed: int, folder: Path, *, kills: float = 0.01) -> None:
        self.random = Random(seed)  # noqa: S311  a year must repeat with its seed
        self.clock = HandClock()
        self.settings = Settings(storage="memory", key_cache_s=2)
        self.peppers = Peppers({"first": "a pepper for tests, and only for them"})
        self.store = MemoryKeys()
        self.leases = MemoryLeases(self.clock)
        self.folder = folder
        self.fate = Fate(self.random, kills, losses=3 * kills)
        self.delivered: list[object] = []
        self.wrongs: list[str] = []
        self.authenticated: dict[str, int] = {}
        self._standing = 0
        self._replaced: dict[str, int] = {}
        self.replicas = [Replica(self, name) for name in "abc"]

    async def nothing(self) -> None:
        """Let a client's request go on."""

    async def pause(self) -> None:
        """Stand still for longer than a lease lasts, now and then."""
        if self.fate.stands_still():
            self.fate.paused += 1
            self._standing += 1
            await self.clock.sleep(600)
            self._standing -= 1

    async def ask(self, text: str) -> bool | None:
        """Ask any replica with a key: taken, refused (told to who asks), or no answer."""
        key_id = parse(text).id
        replica = self.random.choice(self.replicas)
        try:
            identity = await replica.serve(lambda one: one.keyring.identify(text, HERE))
        except RefusedError:
            return False
        if identity is None:
            return None
        self.authenticated[key_id] = self.clock.now()
        await self._check_taken(key_id)
        return True

    async def together(self, *works: Awaitable[object]) -> None:
        """Run all at once; where only those are left that stand still, time goes on."""
        tasks = [asyncio.ensure_future(work) for work in works]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            left = sum(not task.done() for task in tasks)
            if left and left == self._standing:
                self.clock.pass_by(200 * NS)
                # Others take what the one who stands still has lost meanwhile.
                tasks += [asyncio.ensure_future(one.work()) for one in self.replicas]
        for task in tasks:
            task.result()

    async def check(self) -> None:
        """See that no lineage has more than two valid keys, and note when keys were replaced."""
        now, valid = self.clock.now(), {}
        for one in await self.store.all():
            if one.replaced_by:
                self._replaced.setdefault(one.id, now)
            if is_valid(one, now):
                valid.setdefault(one.lineage, []).append(one.id)
        for lineage, ids in valid.items():
            if len(ids) > 2:
                self.wrongs.append(f"{lineage} has {len(ids)} valid keys")

    async def _check_taken(self, key_id: str) -> None:
        record = await self.store.find(key_id)
        late = self.clock.now() - int(self.settings.key_cache_s * NS)
        if late >= record.ends_at or 0 < record.revoked_at <= late:
            self.wrongs.append(f"{key_id} was taken after its end")
        # And by the rules themselves, whatever was stored of them.
        if late >= min(self._replaced.get(key_id, late) + 72 * HOUR, record.created_at + 33 * DAY):
            self.wrongs.append(f"{key_id} was taken after its grace")
