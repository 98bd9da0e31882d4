"""Which server has a key: always the same one, or in a cluster the master of the key's slot.

The map of a cluster is asked for again after whatever goes wrong, before the next exchange. A
server that failed is asked last, so that one that hangs does not delay the news of its end.
"""

import asyncio
from typing import Protocol

from redis.crc import key_slot

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis.server import Reply, Server
from cloud_marketdata.storage.redis.url import Options

Address = tuple[str, int]


class Servers(Protocol):
    """All servers that hold keys."""

    async def home(self, key: str) -> Server:
        """Return the server of the key; raises StorageError where nobody says which it is."""
        ...

    async def masters(self) -> list[Server]:
        """Return every server that takes writes."""
        ...

    def doubt(self, server: Server) -> None:
        """Note that the server failed or refused."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class OneServer:
    """Servers where there is one."""

    def __init__(self, options: Options) -> None:
        self._server = Server(options)

    async def home(self, key: str) -> Server:
        """Return the one server."""
        del key
        return self._server

    async def masters(self) -> list[Server]:
        """Return the one server."""
        return [self._server]

    def doubt(self, server: Server) -> None:
        """Need nothing: there is no other."""

    async def close(self) -> None:
        """Close all connections."""
        await self._server.close()


class Cluster:
    """Servers of a cluster, found through the one in the options."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._servers: dict[Address, Server] = {options.place: Server(options)}
        self._order: list[Server] = [*self._servers.values()]
        self._slots: dict[int, Server] = {}
        self._doubtful = True
        self._asking = asyncio.Lock()

    async def home(self, key: str) -> Server:
        """Return the master of the key's slot."""
        await self._know()
        slot = key_slot(key.encode())
        if slot not in self._slots:
            msg = f"no server of the Redis cluster has slot {slot}"
            raise StorageError(msg)
        return self._slots[slot]

    async def masters(self) -> list[Server]:
        """Return the master of every slot."""
        await self._know()
        return list(dict.fromkeys(self._slots.values()))

    def doubt(self, server: Server) -> None:
        """Ask for the map before the next exchange, and this server last."""
        self._doubtful = True
        self._order.remove(server)
        self._order.append(server)

    async def close(self) -> None:
        """Close all connections."""
        for server in self._servers.values():
            await server.close()

    async def _know(self) -> None:
        if self._doubtful:
            async with self._asking:
                if self._doubtful:
                    await self._ask()

    async def _ask(self) -> None:
        for server in tuple(self._order):
            try:
                (ranges,) = await server.exchange([("CLUSTER", "SLOTS")])
                self._learn(ranges, server)
            except StorageError as error:
                self.doubt(server)
                why = error
            else:
                return
        msg = f"no server of the Redis cluster answers; the last one: {why}"
        raise StorageError(msg) from why

    def _learn(self, ranges: Reply, source: Server) -> None:
        if not isinstance(ranges, list) or not ranges:
            msg = f"Redis at {source.address} knows of no cluster: {ranges}"
            raise StorageError(msg)
        self._slots = {}
        for first, end, *nodes in ranges:
            master, *_ = [self._at(host, port) for host, port, *_ in nodes]
            self._slots |= dict.fromkeys(range(first, end + 1), master)
        self._doubtful = False

    def _at(self, host: bytes | None, port: int) -> Server:
        """Return the server there; one that does not know its own name has that of the URL."""
        address = host.decode() if host else self._options.place[0], port
        if address not in self._servers:
            server = self._servers[address] = Server(self._options.at(*address))
            self._order.insert(0, server)
        return self._servers[address]
