"""Moves what a journal holds to the log, oldest first, for as long as there is something.

An entry is dropped once the log has said that it has it. Whatever ends an attempt, the same entries
are written again under the same positions, which changes nothing where the log has them already.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from random import Random
from typing import Final, Protocol, TypeVar

import structlog

from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.entry import Entry, TakenError
from cloud_marketdata.storage.journal.file import Journal

T = TypeVar("T")

_FIRST_S: Final = 0.05
_CAP_S: Final = 2.0
_MOST: Final = 512


class Appender(Protocol):
    """A log to which an entry may be written any number of times."""

    async def write(self, entries: Sequence[Entry]) -> None:
        """Have the entries in the log, in their order; those that it has already change nothing.

        Raises TakenError where an entry's position belongs to another one, and StorageError where
        it is not known which of them have been written.
        """
        ...


class Disk:
    """A journal and the one thread that works on it, so that no file is waited for on the loop."""

    def __init__(self, journal: Journal, thread: Executor) -> None:
        self.journal = journal
        self._thread = thread

    async def __call__(self, work: Callable[..., T], *values: object) -> T:
        """Run a method of the journal; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)


class Patience:
    """Writes to a log that must answer within `seconds`."""

    def __init__(self, log: Appender, seconds: float) -> None:
        self._log = log
        self._seconds = seconds

    async def write(self, entries: Sequence[Entry]) -> None:
        """See Appender; silence raises StorageError too."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._log.write(entries)
        except TimeoutError as error:
            msg = f"the log has not answered for {self._seconds:g} s"
            raise StorageError(msg) from error


class Drain:
    """Counts what it has moved.

    former: entries of a former process that are still to be moved. restamped: how often entries had
    to be given new positions. error: why the last attempt failed, empty where it did not.
    longest_s: the longest time from the first entry in an empty journal to the last one out of it.
    """

    def __init__(self, disk: Disk, log: Appender, clock: Clock, random: Random) -> None:
        self.moved = self.restamped = 0
        self.longest_s = 0.0
        self.error = ""
        self.former = disk.journal.entries
        self.disk = disk
        self._log = log
        self._clock = clock
        self._random = random
        self._filled = asyncio.Event()
        self._since: int | None = None
        if self.former:
            self._filled.set()

    def filled(self) -> None:
        """Note that something has been added."""
        self._filled.set()

    async def run(self) -> None:
        """Move entries until cancelled, which loses none."""
        delays = self._delays()
        while True:
            await self._filled.wait()
            try:
                await self._move()
            except StorageError as error:
                self._tell(error)
                await self._sync()
                await self._clock.sleep(next(delays))
            else:
                delays = self._delays()

    async def _move(self) -> None:
        journal = self.disk.journal
        entries = await self.disk(journal.first, _MOST)
        if self._since is None:
            # Whatever comes while the last ones leave belongs to the same absence.
            self._since = journal.since
        try:
            await self._log.write(entries)
        except TakenError as taken:
            structlog.get_logger().warning("journal.restamped", error=str(taken))
            await self.disk(journal.restamp, taken)
            self.restamped += 1
            return
        await self.disk(journal.drop, len(entries))
        self.moved += len(entries)
        self.former = max(0, self.former - len(entries))
        self.error = ""
        if not journal.entries:
            self._emptied()

    def _emptied(self) -> None:
        self._filled.clear()
        seconds = (self._clock.now() - (self._since or 0)) / NS_PER_S
        self._since = None
        self.longest_s = max(self.longest_s, seconds)
        structlog.get_logger().info("journal.drained", moved=self.moved, after_s=round(seconds, 1))

    async def _sync(self) -> None:
        try:
            await self.disk(self.disk.journal.sync)
        except StorageError as error:
            self._tell(error)

    def _tell(self, error: StorageError) -> None:
        if not self.error:
            structlog.get_logger().warning("journal.log_away", error=str(error))
        self.error = str(error)

    def _delays(self) -> Iterator[float]:
        return backoff(self._random, first_s=_FIRST_S, cap_s=_CAP_S)
