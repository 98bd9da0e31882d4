"""Hears of appends by other processes and wakes those of this one who wait.

A channel and not a blocking read: one connection a process does for every stream of every server of
a cluster, and no server is asked in vain. A message names the markets that were appended to, and
wakes whoever waits for one of them. It may get lost with its connection; so a waiting
task has a time-out, and a new subscription wakes everybody once.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from redis.asyncio.connection import AbstractConnection

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import edge
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.wakeup import Wakeup

_AGAIN_S: Final = 1.0


def announcement(name: str, streams: Iterable[Stream]) -> str:
    """Return what an appender says on the channel: its name, and the markets it appended to."""
    return "\n".join([name, *sorted({f"{stream.venue}:{stream.symbol}" for stream in streams})])


class Bell:
    """Listens for everybody but the appender of this name, who wakes its own tasks itself.

    tried: set once it listens, or has failed to for the first time.
    """

    def __init__(self, client: Client, keys: Keys, wakeup: Wakeup, name: str) -> None:
        self.tried = asyncio.Event()
        self._client = client
        self._keys = keys
        self._wakeup = wakeup
        self._name = name
        self._trouble = ""

    async def run(self, clock: Clock) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except StorageError as error:
                self._tell(str(error))
            self.tried.set()
            await clock.sleep(_AGAIN_S)

    async def _listen(self) -> None:
        server = await self._client.servers.home(self._keys.streams)
        try:
            with edge(server.address):
                async with server.connection() as connection:
                    await connection.send_command("SUBSCRIBE", self._keys.appended)
                    while True:
                        await self._hear(connection)
        except StorageError:
            self._client.servers.doubt(server)
            raise

    async def _hear(self, connection: AbstractConnection) -> None:
        kind, _, told = await connection.read_response()
        if kind == b"subscribe":
            self._wakeup.notify_all()
        else:
            self._rung(told.decode(errors="replace"))
        self._trouble = ""
        self.tried.set()

    def _rung(self, told: str) -> None:
        name, *markets = told.split("\n")
        if name == self._name:
            return
        if markets:
            parts = [market.partition(":") for market in markets]
            self._wakeup.notify([(venue, symbol) for venue, _, symbol in parts])
        else:
            # A process of an older version does not say which.
            self._wakeup.notify_all()

    def _tell(self, trouble: str) -> None:
        """Log each trouble once, however long it lasts."""
        if trouble != self._trouble:
            structlog.get_logger().warning("redis.bell_away", error=trouble)
        self._trouble = trouble
