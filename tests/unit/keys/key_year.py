"""A year of keys: three replicas that die at any moment, clients that rotate, files that are read.

Every step on the way to the store and to the disk may be the last one of its process; an answer may
be lost on its way back, on either side; a process may stand still for so long that its lease goes
to another one. `World.wrongs` says what must never happen and did.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TypeVar

from keyroom import BEGAN, DAY, HERE, HOUR, NS, HandClock
from msgspec.structs import replace

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import MarketDataError, StorageError
from cloud_marketdata.security.keys.desk import KeyDesk, NewKey
from cloud_marketdata.security.keys.folder import KeyFolder
from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.lifecycle import is_valid
from cloud_marketdata.security.keys.lineages import Lineages
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.keys.rotating import Rotating
from cloud_marketdata.security.refusals import RefusedError
from cloud_marketdata.storage.memory.keys import MemoryKeys
from cloud_marketdata.storage.memory.leases import MemoryLeases
from cloud_marketdata.storage.security_ports import KeyRecord

T = TypeVar("T")
WISH = NewKey(owner="trader", scopes=("market:read",))


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


class Trader:
    """A client that replaces its own key, at some moment between `rotate_at` and its end."""

    def __init__(self, world: World, key: str, record: KeyRecord) -> None:
        self.keys = [key]
        self.rotations = 0
        self.refused = 0
        self._world = world
        self._next = ""
        self._plan(record)

    async def live(self) -> None:
        """Ask something, and replace the key when it is time; ask again where no answer comes."""
        if self._next:
            await self._confirm()
        elif self._world.clock.now() >= self._at:
            await self._rotate()
        await self._demand(self.keys[-1])

    def _plan(self, record: KeyRecord) -> None:
        latest = record.ends_at - 2 * DAY
        self._at = self._world.random.randrange(record.rotate_at, latest)

    async def _rotate(self) -> None:
        replica = self._world.random.choice(self._world.replicas)
        text = self.keys[-1]

        async def ask(one: Replica) -> object:
            identity = await one.keyring.identify(text, HERE)
            return await one.desk.rotate(identity.key_id)

        try:
            minted = await replica.serve(ask)
        except MarketDataError as error:
            self._world.wrongs.append(f"a rotation was refused: {error.code}")
            return
        # The answer may be lost behind the replica as well.
        if minted is not None and self._world.random.random() > 0.3:
            self._next = minted.key
            self._plan(minted.record)

    async def _confirm(self) -> None:
        if await self._demand(self._next):
            self.keys.append(self._next)
            self.rotations += 1
            self._next = ""

    async def _demand(self, text: str) -> bool:
        taken = await self._world.ask(text)
        if taken is False:
            self._world.wrongs.append(f"a client was refused with {parse(text).id}")
        return bool(taken)


class Twins:
    """Two processes with one key that know nothing of each other and rotate whenever they like.

    They are refused now and then, and may be; but between them no predecessor gets two heirs.
    """

    def __init__(self, world: World, key: str) -> None:
        self.keys = [key]
        self._world = world
        self._holds = [key, key]
        self._fresh: list[str] = []

    async def live(self) -> None:
        """Rotate the same key twice, while what was got before is used for the first time."""
        if self._world.random.random() > 0.2:
            return
        fresh, self._fresh = self._fresh, []
        uses = [self._use(text) for text in fresh]
        await asyncio.gather(self._rotate(0), self._rotate(1), *uses)

    async def _rotate(self, twin: int) -> None:
        text = self._holds[twin]
        replica = self._world.random.choice(self._world.replicas)
        try:
            minted = await replica.serve(lambda one: one.desk.rotate(parse(text).id))
        except MarketDataError:
            self._holds[twin] = self.keys[-1]
            return
        if minted is not None:
            self._fresh.append(minted.key)

    async def _use(self, text: str) -> None:
        if await self._world.ask(text):
            self.keys.append(text)
            self._holds = [text, self.keys[-2]]


class Reader:
    """A client whose key lies in a file, which it reads now and then."""

    def __init__(self, world: World, key: str, name: str) -> None:
        self.keys = [key]
        self._world = world
        self._path = world.folder / name
        self._read_at = 0

    async def live(self) -> None:
        """Ask something, with the key that was last read."""
        now = self._world.clock.now()
        if now >= self._read_at and self._path.exists():
            found = self._path.read_text().strip()
            if found != self.keys[-1]:
                self.keys.append(found)
            self._read_at = now + self._world.random.randrange(1, 24) * HOUR
        if await self._world.ask(self.keys[-1]) is False:
            self._world.wrongs.append(f"a reader was refused with {parse(self.keys[-1]).id}")


async def live_through_a_year(world: World, traders: int = 2, readers: int = 2) -> list[object]:
    """Let everybody live for 366 days; return the clients."""
    asyncio.get_running_loop().set_default_executor(AtOnce())
    clients: list[Trader | Reader | Twins] = []
    calm = KeyDesk(world.store, world.peppers, world.clock, world.random, world.settings)
    for _ in range(traders):
        made = await calm.create(WISH)
        clients.append(Trader(world, made.key, made.record))
    clients.append(Twins(world, (await calm.create(WISH)).key))
    for number in range(readers):
        made = await calm.create(replace(WISH, sink=f"{number}.key"))
        clients.append(Reader(world, made.key, f"{number}.key"))
    while world.clock.now() < BEGAN + 366 * DAY:
        hoarded = world.random.choice(world.random.choice(clients).keys)
        lives = [client.live() for client in clients]
        works = [replica.work() for replica in world.replicas]
        await world.together(*works, *lives, world.ask(hoarded))
        await world.check()
        world.clock.pass_by(world.random.randrange(2, 13) * HOUR + world.random.randrange(NS))
    return clients
