"""Delivers keys until it is killed: one a round, each round on the day the next one is due.

Run as `delivering_process.py DATA_FOLDER KEY_FOLDER PLACE`, which is where the third delivery ends
by the kernel's hand: `stage`, `staged`, `publish` or `published`. It prints the id of each key that
it has read back from its file and used.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import SystemRandom

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.keys.desk import KeyDesk, NewKey
from cloud_marketdata.security.keys.folder import KeyFolder
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.lineages import Lineages
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.keys.rotating import Rotating
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.ports import Stores

DEADLY = 3
HOUR = 3600 * 10**9
SINK = "trader.key"
PEPPERS = Peppers({"shared": "a pepper for tests, and only for them"})
WISH = NewKey(owner="trader", scopes=("market:read",), sink=SINK)


class LeapingClock(SystemClock):
    """A clock that is set from one round to the next."""

    def __init__(self) -> None:
        self.at = SystemClock.now()

    def now(self) -> int:
        """See core.clock."""
        return self.at


class MortalFolder(KeyFolder):
    """A folder whose process is killed at one place of its third delivery."""

    def __init__(self, folder: Path, place: str) -> None:
        super().__init__(folder)
        self._place = place
        self._passed = 0

    def stage(self, name: str, text: str) -> None:
        """See KeyFolder."""
        self._pass("stage")
        super().stage(name, text)
        self._pass("staged")

    def publish(self, name: str) -> None:
        """See KeyFolder."""
        self._pass("publish")
        super().publish(name)
        self._pass("published")

    def _pass(self, place: str) -> None:
        self._passed += place == self._place
        if self._passed == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)


class Deliveries:
    """A process that delivers over some stores, and a client that reads what it delivers."""

    def __init__(self, stores: Stores, clock: LeapingClock, folder: Path, keys: KeyFolder) -> None:
        self.clock = clock
        self._stores = stores
        self._file = folder / SINK
        shared = (stores.keys, PEPPERS, self.clock, SystemRandom(), Settings(key_cache_s=0))
        self._desk = KeyDesk(*shared)
        self.keyring = Keyring(stores.keys, PEPPERS, self.clock, shared[-1])
        self.rotating = Rotating(
            stores.keys,
            stores.leases,
            Lineages(*shared),
            keys,
            self.clock,
            f"{SystemRandom().getrandbits(64)}",
            [].append,
        )

    async def begin(self) -> None:
        """Make the first key, unless it is there; let it be an hour after the newest was made."""
        if not await self._stores.keys.all():
            await self._desk.create(WISH)
        self.clock.at = max(one.created_at for one in await self._stores.keys.all()) + HOUR

    async def leap(self) -> None:
        """Let it be the day on which the newest key is due."""
        heads = [one for one in await self._stores.keys.all() if not one.revoked_at]
        self.clock.at = max(one.rotate_at for one in heads)

    async def read(self) -> str:
        """Use the key in the file, as its client would; return its id."""
        identity = await self.keyring.identify(self._file.read_text().strip(), "127.0.0.1")
        return identity.key_id


async def _main(data: Path, folder: Path, place: str) -> None:
    clock = LeapingClock()
    async with open_embedded(data, clock) as stores:
        deliveries = Deliveries(stores, clock, folder, MortalFolder(folder, place))
        await deliveries.begin()
        await deliveries.rotating.round()
        while True:
            await deliveries.leap()
            await deliveries.rotating.round()
            sys.stdout.write(await deliveries.read() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
