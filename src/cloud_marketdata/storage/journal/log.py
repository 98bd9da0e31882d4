"""A log that goes on taking entries while the server behind it is away.

What cannot be written is kept in the journal and moved later, in its order. Where it may have been
written it is never given back to the caller, who would try again under another position and so
count every trade twice: that very entry is kept instead, under its position. As long as something
waits, the log's end is not the tape's end, and whoever asks for that is refused.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Protocol

import structlog

from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.entry import Entry, TakenError
from cloud_marketdata.storage.journal.drain import Appender, Drain
from cloud_marketdata.storage.journal.file import JournalFullError
from cloud_marketdata.storage.ports import Batch, LogReader, Record, Stream
from cloud_marketdata.storage.stamps import stamped_again
from cloud_marketdata.storage.timed import Mark, TimedLog, TimedRecord


class RemoteLog(TimedLog, Appender, Protocol):
    """A log on a server, to which entries are written under positions chosen before."""

    async def stamp(self, batches: Sequence[Batch]) -> list[Entry]:
        """Return the batches as entries, their positions above all that are known of each stream.

        It works while the server is away. A batch without events is an error (ValueError).
        """
        ...


class JournaledLog:
    """TimedLog over a remote one, to which `writing` writes within a bounded time.

    refused: how many appends the full journal has refused. full: whether it refused the last one.
    unkept: why the last entries could not be kept, be it its bound or the disk; empty where they
    could, or are in the log.
    """

    def __init__(
        self, remote: RemoteLog, writing: Appender, drain: Drain, clock: Clock, random: Random
    ) -> None:
        self.refused = 0
        self.full = False
        self.unkept = ""
        self.drain = drain
        self.journal = drain.disk.journal
        self._remote = remote
        self._writing = writing
        self._clock = clock
        self._random = random
        self._turn = asyncio.Lock()

    async def append(self, batches: Sequence[Batch]) -> list[int]:
        """Have the batches in the log or in the journal, and return their positions.

        A position that another appender took meanwhile is replaced by a higher one later. Raises
        StorageError, JournalFullError where that is the reason, only where nothing has been tried.
        One that is cancelled may have appended.
        """
        async with self._turn:
            entries = await self._remote.stamp(batches)
            if not entries:
                return []
            if self.journal.entries:
                await self._queue(entries)
            else:
                entries = await self._settle(entries)
            return [entry.position for entry in entries]

    async def _queue(self, entries: Sequence[Entry]) -> None:
        """Put the entries behind those that wait."""
        try:
            await self.drain.disk(self.journal.add, entries)
        except StorageError as error:
            self.unkept = str(error)
            if isinstance(error, JournalFullError):
                self.refused += 1
                self.full = True
            raise
        self.full = False
        self.unkept = ""
        self.drain.filled()

    async def _settle(self, entries: list[Entry]) -> list[Entry]:
        """Write; what may be half written by then is written or kept before this returns."""
        delays = backoff(self._random)
        while True:
            try:
                await self._writing.write(entries)
            except TakenError as taken:
                entries = stamped_again(entries, taken)
                why = str(taken)
            except StorageError as error:
                why = str(error)
            else:
                self.unkept = ""
                return entries
            try:
                await self._queue(entries)
            except StorageError as error:
                structlog.get_logger().error("journal.refused", error=str(error), log=why)
                await self._clock.sleep(next(delays))
            else:
                structlog.get_logger().warning("journal.filling", error=why)
                return entries

    async def fence(self, venue: Venue, symbol: str, token: int) -> int:
        """See EventLog; what waits in the journal under a lower token is left out by the log."""
        return await self._remote.fence(venue, symbol, token)

    async def read(self, stream: Stream, *, after: int = 0, limit: int = 100) -> list[Record]:
        """See EventLog; what waits in the journal comes later, in its order."""
        return await self._remote.read(stream, after=after, limit=limit)

    async def reader(self, stream: Stream, *, after: int) -> LogReader:
        """See EventLog; raises StorageError until what a former process has left is in the log."""
        self._make_sure_of_former()
        return await self._remote.reader(stream, after=after)

    async def last(self, stream: Stream) -> Record | None:
        """See EventLog; raises StorageError while newer entries wait in the journal."""
        self._make_sure_of_end(stream)
        return await self._remote.last(stream)

    async def streams(self) -> list[Stream]:
        """See EventLog."""
        return await self._remote.streams()

    async def epoch(self) -> str:
        """See EventLog."""
        return await self._remote.epoch()

    async def wait(self, venue: Venue, symbol: str, seconds: float) -> None:
        """See EventLog."""
        await self._remote.wait(venue, symbol, seconds)

    async def trim(self, stream: Stream, *, upto: int, before: int) -> int:
        """See EventLog."""
        return await self._remote.trim(stream, upto=upto, before=before)

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
        """See TimedLog; raises StorageError where the `newest` are asked for and wait."""
        if newest:
            self._make_sure_of_end(stream)
        else:
            self._make_sure_of_former()
        return await self._remote.overlapping(
            stream, start, end, limit=limit, newest=newest, after=after
        )

    def _make_sure_of_former(self) -> None:
        if self.drain.former:
            # Without the number, which changes: the same trouble is told once.
            msg = "entries of a former process wait for the log"
            raise StorageError(msg)

    def _make_sure_of_end(self, stream: Stream) -> None:
        self._make_sure_of_former()
        if self.journal.waiting[stream]:
            msg = f"entries of {stream.venue} {stream.symbol} wait for the log"
            raise StorageError(msg)
