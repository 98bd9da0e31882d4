"""One Redis server: a bounded number of connections, and exchanges over one of them at a time.

An exchange sends its commands together and reads their replies in order. Nothing is tried again in
secret, and a connection whose exchange broke off is closed, so no reply ever reaches another one.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from hiredis import pack_command
from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from cloud_marketdata.storage.redis.faults import edge
from cloud_marketdata.storage.redis.url import Options

_CONNECTIONS: Final = 32

Command = tuple[bytes | str | int, ...]
"""A command's name and its arguments, one word each."""

Reply = Any
"""What Redis answers: bytes, int, None, a list of these, or a ResponseError."""


class Server:
    """One server; `address` is what error texts call it."""

    def __init__(self, options: Options) -> None:
        self.address = options.address
        self._options = options
        self._free: list[AbstractConnection] = []
        self._room = asyncio.Semaphore(_CONNECTIONS)

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send the commands and return their replies; refused ones as ResponseError among them.

        Raises StorageError where not all replies came in time; what was sent may then be done.
        """
        # Its stub knows commands of one word only.
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]
        with edge(self.address):
            async with asyncio.timeout(self._options.timeout_s), self.connection() as connection:
                await connection.send_packed_command(packed)
                return [await _reply(connection) for _ in commands]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AbstractConnection]:
        """Lend an open connection, which is closed if its use ends in an error.

        The driver's errors come out as they are.
        """
        async with self._room:
            connection = self._free.pop() if self._free else self._options.connection()
            try:
                async with asyncio.timeout(self._options.timeout_s):
                    await _open(connection)
                yield connection
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            self._free.append(connection)

    async def close(self) -> None:
        """Close the connections that nobody uses; those in use are closed by their users."""
        while self._free:
            await self._free.pop().disconnect()


async def _open(connection: AbstractConnection) -> None:
    """Make sure that the server has neither closed it nor said anything unasked."""
    if connection.is_connected and await connection.can_read():
        await connection.disconnect(nowait=True)
    await connection.connect()  # type: ignore[no-untyped-call]  # as it is in the driver


async def _reply(connection: AbstractConnection) -> Reply:
    try:
        return await connection.read_response()
    except exceptions.ResponseError as refusal:
        return refusal
