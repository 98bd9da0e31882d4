"""The guard of a service, in memory unless it is given stores: all in it is the real thing."""

import asyncio
from random import Random

from cloud_marketdata.api.edge.guard import Guard
from cloud_marketdata.api.stream.guard import StreamGuard
from cloud_marketdata.api.stream.rounds import Rounds
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.gate import Gate
from cloud_marketdata.security.keys.desk import KeyDesk, NewKey
from cloud_marketdata.security.keys.keyring import Keyring
from cloud_marketdata.security.keys.peppers import Peppers
from cloud_marketdata.security.limits.addresses import Trusted
from cloud_marketdata.security.limits.limits import Limits
from cloud_marketdata.security.limits.seats import Seats
from cloud_marketdata.storage.memory.keys import MemoryKeys
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.ports import Stores

READER = ("market:read", "stream:read")


class Guarded:
    """Keys, limits and the gate of one process; `events` are what the audit log would get."""

    def __init__(self, clock: Clock, settings: Settings, stores: Stores | None = None) -> None:
        self.events: list[AuditEvent] = []
        self.keys = stores.keys if stores else MemoryKeys()
        local = MemoryQuotas(clock)
        quotas = stores.quotas if stores else local
        peppers = Peppers({"first": "a pepper for tests alone"})
        self.keyring = Keyring(self.keys, peppers, clock, settings)
        self.limits = Limits(quotas, local, settings, clock)
        self.gate = Gate(self.keyring, self.limits, settings)
        self.seats = Seats(settings)
        self.trusted = Trusted(settings.trusted_proxies)
        self.rounds = Rounds(self.keyring, clock, settings)
        self.desk = KeyDesk(self.keys, peppers, clock, Random(7), settings)  # noqa: S311  a test

    @property
    def stream(self) -> StreamGuard:
        """What the live stream is guarded with."""
        return StreamGuard(self.gate, self.seats, self.rounds, self.events.append)

    @property
    def edge(self) -> Guard:
        """What the whole application is guarded with."""
        return Guard(self.gate, self.desk, self.events.append, self.trusted)

    async def heard(self, count: int) -> None:
        """Return once there are so many events; some come when a connection has ended."""
        async with asyncio.timeout(10):
            while len(self.events) < count:  # noqa: ASYNC110  the log that it stands for tells nobody
                await asyncio.sleep(0.01)

    async def key(self, *scopes: str, per_minute: int | None = None) -> str:
        """Make a key, by default for reading both markets and the stream; return its text."""
        wish = NewKey("tester", scopes or READER, per_minute=per_minute)
        return (await self.desk.create(wish)).key

    def told(self, *, after: int = 0) -> list[tuple[str, str, str]]:
        """Return action, outcome and code of each event."""
        return [(one.action, one.outcome, one.code) for one in self.events[after:]]
