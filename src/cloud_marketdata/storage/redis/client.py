"""What the stores ask of Redis: a command, a pipeline to one key's server, a script.

Every refusal and every failure leaves here as StorageError, and makes a cluster's map doubtful.
"""

from collections.abc import Sequence

from redis.exceptions import ResponseError

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis.faults import told
from cloud_marketdata.storage.redis.server import Command, Reply, Server
from cloud_marketdata.storage.redis.servers import Servers


class Client:
    """Asks the server that has a key.

    replicas: how many must have what is `settle`d.
    """

    def __init__(self, servers: Servers, *, replicas: int = 0, patience_ms: int = 1000) -> None:
        self.servers = servers
        self.replicas = replicas
        self._patience_ms = patience_ms

    async def ask(self, key: str, *command: bytes | str | int) -> Reply:
        """Return the reply to one command about the key; raises StorageError on any other one."""
        return (await self.ask_all(key, [command]))[0]

    async def ask_all(self, key: str, commands: Sequence[Command]) -> list[Reply]:
        """Return the replies to commands about keys in one slot, sent together.

        Raises StorageError where one was refused; the others may then be done.
        """
        if not commands:
            return []
        server = await self.servers.home(key)
        replies = await self.attempt(server, commands)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise told(reply, server.address)
        return replies

    async def ask_each(self, commands: Sequence[tuple[str, Command]]) -> list[Reply]:
        """Return the replies to commands about keys in any slots, sent together to each server."""
        replies: dict[int, Reply] = {}
        homes: dict[Server, list[int]] = {}
        for number, (key, _) in enumerate(commands):
            homes.setdefault(await self.servers.home(key), []).append(number)
        for numbers in homes.values():
            key = commands[numbers[0]][0]
            found = await self.ask_all(key, [commands[number][1] for number in numbers])
            replies |= zip(numbers, found, strict=True)
        return [replies[number] for number in range(len(commands))]

    async def attempt(self, server: Server, commands: Sequence[Command]) -> list[Reply]:
        """Return the replies of one server, with refusals among them."""
        try:
            replies = await server.exchange(commands)
        except StorageError:
            self.servers.doubt(server)
            raise
        if any(isinstance(reply, ResponseError) for reply in replies):
            self.servers.doubt(server)
        return replies

    async def settle(self, server: Server, commands: Sequence[Command]) -> list[Reply]:
        """Return the replies of one server once enough replicas have what the commands wrote.

        It holds too for what was written before by whomever, as far as the commands found it.
        Raises StorageError where too few replicas say so in time.
        """
        if not self.replicas:
            return await self.attempt(server, commands)
        waiting: Command = ("WAIT", self.replicas, self._patience_ms)
        *replies, reached = await self.attempt(server, [*commands, waiting])
        if isinstance(reached, ResponseError):
            raise told(reached, server.address)
        if reached < self.replicas:
            msg = f"Redis at {server.address}: {reached} of {self.replicas} replicas have it"
            raise StorageError(msg)
        return replies
