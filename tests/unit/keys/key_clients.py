"""Who uses keys for a year: clients that follow the protocol, and two that do not."""

import asyncio

from key_world import Replica, World
from keyroom import DAY, HERE, HOUR

from cloud_marketdata.core.errors import MarketDataError
from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.storage.security_ports import KeyRecord

RETRIES = 3


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
        # Who gets no answer asks again at once, and later on again.
        for _ in range(RETRIES):
            if not self._next and self._world.clock.now() >= self._at:
                await self._rotate()
        if self._next:
            await self._confirm()
        else:
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
