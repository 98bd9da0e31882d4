"""Writes stamped entries: one call a stream, sent together to each server and awaited together.

Entries of a stream are never under way in two calls, so their order stands whatever fails. The set
of streams is told of every stream at every write, since it may live on another server and be lost
alone. Each server announces, behind the entries, that there are new ones.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from redis.exceptions import ResponseError

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry
from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.redis.appending import append_command, appended
from cloud_marketdata.storage.redis.bell import announcement
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import told
from cloud_marketdata.storage.redis.keys import Keys, named
from cloud_marketdata.storage.redis.server import Command, Server

_A_CALL: Final = 256

Queues = dict[Stream, list[Entry]]


class Writing:
    """Writes under the name of one appender.

    written, repeated: entries that were new to the log, and that it had already. fenced: entries
    that were left out, because somebody else collects their market by now.
    """

    def __init__(self, client: Client, keys: Keys, name: str) -> None:
        self.written = self.repeated = self.fenced = 0
        self._client = client
        self._keys = keys
        self._name = name

    async def write(self, entries: Sequence[Entry]) -> None:
        """Have the entries in the log; see RedisLog.write."""
        queues: Queues = {}
        for entry in entries:
            queues.setdefault(entry.stream, []).append(entry)
        while queues:
            await self._round({stream: queue[:_A_CALL] for stream, queue in queues.items()})
            queues = {stream: queue[_A_CALL:] for stream, queue in queues.items()}
            queues = {stream: queue for stream, queue in queues.items() if queue}

    async def _round(self, queues: Queues) -> None:
        """Write a part of each stream; raises one of the errors after all have been tried."""
        homes: dict[Server, Queues] = {await self._client.servers.home(self._keys.streams): {}}
        registry = next(iter(homes))
        for stream, queue in queues.items():
            home = await self._client.servers.home(self._keys.entries(stream))
            homes.setdefault(home, {})[stream] = queue
        telling: Command = ("SADD", self._keys.streams, *map(named, queues))
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._send(home, part, [telling] if home is registry else []))
                for home, part in homes.items()
            ]
        errors = [error for task in tasks if (error := task.result())]
        if errors:
            raise errors[0]

    async def _send(
        self, home: Server, queues: Queues, telling: Sequence[Command]
    ) -> StorageError | None:
        """Return the error instead of raising it, so that it ends no other task."""
        calls = [
            append_command(self._keys, queue, loaded=number > 0)
            for number, queue in enumerate(queues.values())
        ]
        said = announcement(self._name, queues)
        announcing: list[Command] = [("PUBLISH", self._keys.appended, said)] if queues else []
        try:
            replies = await self._client.settle(home, [*calls, *announcing, *telling])
            for reply in replies:
                if isinstance(reply, ResponseError):
                    raise told(reply, home.address)
            for queue, reply in zip(queues.values(), replies, strict=False):
                tally = appended(queue, reply)
                self.written += tally.written
                self.repeated += tally.repeated
                self._tell_fenced(queue[0].stream, tally.fenced)
        except StorageError as error:
            return error
        return None

    def _tell_fenced(self, stream: Stream, entries: int) -> None:
        """Count and log what was left out: from a journal it may be what nobody else has heard."""
        if entries:
            self.fenced += entries
            log = structlog.get_logger().bind(venue=stream.venue, symbol=stream.symbol)
            log.warning("log.fenced", stream=stream.kind.value, entries=entries)
