"""The event log on Redis Streams: one packed block an entry, under an id that we choose.

An entry is stamped before the first attempt to write it, so it may be written any number of times.
What is trimmed, searched and told about a stream is kept beside it and changes with it, at once.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.entry import Entry, TakenError, unstamped
from cloud_marketdata.storage.ports import Batch, LogReader, Record, Stream
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.fencing import fence
from cloud_marketdata.storage.redis.keys import Keys, parsed
from cloud_marketdata.storage.redis.positions import Positions
from cloud_marketdata.storage.redis.reader import GroupReader
from cloud_marketdata.storage.redis.records import record, timed_record
from cloud_marketdata.storage.redis.search import Page, touching
from cloud_marketdata.storage.redis.spans import entry_id
from cloud_marketdata.storage.redis.trimming import trim
from cloud_marketdata.storage.redis.writing import Writing
from cloud_marketdata.storage.stamps import stamped_again
from cloud_marketdata.storage.timed import Mark, TimedRecord
from cloud_marketdata.storage.wakeup import Wakeup

_SEARCHES: Final = 5
_AGAIN_S: Final = 0.5


class RedisLog:
    """TimedLog in Redis; `name` is like no other log's."""

    def __init__(
        self, client: Client, keys: Keys, clock: Clock, name: str, *, above: int = 0
    ) -> None:
        self.writing = Writing(client, keys, name)
        self.wakeup = Wakeup(clock)
        self._client = client
        self._keys = keys
        self._name = name
        self._clock = clock
        self._positions = Positions(clock, above)
        self._readers = 0
        self._turn = asyncio.Lock()

    async def stamp(self, batches: Sequence[Batch]) -> list[Entry]:
        """Return the batches as entries, above all that is known of their streams.

        It asks nobody. A batch without events is an error (ValueError).
        """
        entries = [unstamped(batch) for batch in batches]
        return [e._replace(position=self._positions.next(e.stream)) for e in entries]

    async def write(self, entries: Sequence[Entry]) -> None:
        """Have the entries in the log, in their order; those that it has already change nothing.

        Raises TakenError where an entry's position belongs to another one, and StorageError where
        it is not known which of them have been written: the same ones may be written again.
        """
        for entry in entries:
            self._positions.taken(entry.stream, entry.position)
        try:
            await self.writing.write(entries)
        except TakenError as error:
            self._positions.taken(error.stream, error.last)
            raise
        finally:
            # Some may be there although others could not be written.
            self.wakeup.notify({entry.stream[:2] for entry in entries})

    async def append(self, batches: Sequence[Batch]) -> list[int]:
        """Have the batches in the log and return their positions.

        Where Redis fails in the middle it cannot be known what is written. So this tries the same
        entries until it is, and does not raise; a journal before it does better.
        """
        async with self._turn:
            entries = await self.stamp(batches)
            while entries:
                try:
                    await self.write(entries)
                    break
                except TakenError as taken:
                    entries = stamped_again(entries, taken)
                except StorageError as error:
                    structlog.get_logger().warning("redis.append_unsettled", error=str(error))
                    await self._clock.sleep(_AGAIN_S)
            return [entry.position for entry in entries]

    async def fence(self, venue: Venue, symbol: str, token: int) -> int:
        """Have nothing more appended to a market under a lower token, except under none."""
        return await fence(self._client, self._keys.fence(venue, symbol), token)

    async def read(self, stream: Stream, *, after: int = 0, limit: int = 100) -> list[Record]:
        """Return at most `limit` entries above `after`, in order."""
        self.wakeup.look()
        key = self._keys.entries(stream)
        start = f"({entry_id(after)}"
        found = await self._client.ask(key, "XRANGE", key, start, "+", "COUNT", limit)
        return [record(one) for one in found]

    async def reader(self, stream: Stream, *, after: int) -> LogReader:
        """Return a reader that has taken the stream's consumer group over."""
        self._readers += 1
        name = f"{self._name}-{self._readers}"
        reader = GroupReader(self._client, self._keys, stream, after, name, self.wakeup)
        await reader.open()
        return reader

    async def last(self, stream: Stream) -> Record | None:
        """Return the newest entry, or None."""
        key = self._keys.entries(stream)
        found = await self._client.ask(key, "XREVRANGE", key, "+", "-", "COUNT", 1)
        return record(found[0]) if found else None

    async def streams(self) -> list[Stream]:
        """Return the streams that hold an entry, sorted."""
        names = await self._client.ask(self._keys.streams, "SMEMBERS", self._keys.streams)
        known = sorted(map(parsed, names))
        # A stream is named before its first entry is written, and may be lost without its name.
        keys = [self._keys.entries(stream) for stream in known]
        held = await self._client.ask_each([(key, ("XLEN", key)) for key in keys])
        return [stream for stream, entries in zip(known, held, strict=True) if entries]

    async def epoch(self) -> str:
        """Return what this log is called; who asks first names it, and it goes with the data."""
        key = self._keys.epoch
        named = await self._client.ask(key, "SET", key, self._name, "NX", "GET")
        return named.decode() if named else self._name

    async def wait(self, venue: Venue, symbol: str, seconds: float) -> None:
        """Return when something may have been appended to it, at the latest after `seconds`."""
        await self.wakeup.wait((venue, symbol), seconds)

    async def trim(self, stream: Stream, *, upto: int, before: int) -> int:
        """Remove entries that are both consumed and old; the two that end the stream stay."""
        return await trim(self._client, self._keys, stream, upto, before)

    async def overlapping(
        self,
        stream: Stream,
        start: int,
        end: int,
        *,
        limit: int,
        newest: bool = False,
        after: Mark | None = None,
    ) -> list[TimedRecord]:
        """Return a page of the entries whose times touch the range, ordered by time."""
        page = Page(start, end, limit, newest, after)
        key = self._keys.entries(stream)
        for _ in range(_SEARCHES):
            spans = await touching(self._client, self._keys, stream, page)
            ids = [entry_id(span.position) for span in spans]
            found = await self._client.ask_all(key, [("XRANGE", key, at, at) for at in ids])
            # Entries may be trimmed between the two questions; a shorter page would say that
            # nothing follows.
            if all(found):
                return [timed_record(one) for (one,) in found]
        msg = f"{stream}: its entries go faster than they can be read"
        raise StorageError(msg)
