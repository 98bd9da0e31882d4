"""Hears of appends by other processes and wakes those of this one who wait.

A channel and not a blocking read: one connection a process does for every stream of every server of
a cluster, and no server is asked in vain. A message may get lost with its connection; so a waiting
task has a time-out, and a new subscription wakes everybody once.
"""

import asyncio
from typing import Final

import structlog
from redis.asyncio.connection import AbstractConnection

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import edge
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.wakeup import Wakeup

_AGAIN_S: Final = 1.0


class Bell:
    """Listens for everybody but the appender of this name, who wakes its own tasks itself.

    tried: set once it listens, or has failed to for the first time.
    """

    def __init__(self, client: Client, keys: Keys, wakeup: Wakeup, name: str) -> None:
        self.tried = asyncio.Event()
        self._client = client
        self._keys = keys
        self._wakeup = wakeup
        self._name = name.encode()
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
        if kind == b"subscribe" or told != self._name:
            self._wakeup.notify()
        self._trouble = ""
        self.tried.set()

    def _tell(self, trouble: str) -> None:
        """Log each trouble once, however long it lasts."""
        if trouble != self._trouble:
            structlog.get_logger().warning("redis.bell_away", error=trouble)
        self._trouble = trouble
