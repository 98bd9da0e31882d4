"""The one writer to the log: collects what the sessions bring and appends it in large batches.

What was taken is kept until the log has it. The backlog is bounded: above the bound sessions are
told to stop reading their sockets, and told to go on when there is room.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

import structlog

from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.events import LogEvent, Rejection
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Batch, BookView, Stores, Stream

T = TypeVar("T")

_RETRY_S: Final = 0.5


class LogWriter:
    """Appends batches, then publishes books: a book is never ahead of the log.

    events_max: backlog in events above which `full` is true.
    """

    def __init__(
        self, stores: Stores, rejections: Rejections, clock: Clock, *, events_max: int
    ) -> None:
        self.appended = 0
        self.stalls = 0
        self._stores = stores
        self._rejections = rejections
        self._clock = clock
        self._events_max = events_max
        self._events: dict[Stream, list[LogEvent]] = {}
        self._views: dict[tuple[str, str], BookView] = {}
        self._refined: list[Instrument] = []
        self._waiting = 0
        self._closing = False
        self._arrived = asyncio.Event()
        self._resume: list[Callable[[], None]] = []
        self._log = structlog.get_logger()

    @property
    def backlog(self) -> int:
        """Events that wait for the log."""
        return self._waiting

    def submit(
        self,
        batches: Iterable[Batch],
        views: Iterable[BookView] = (),
        refined: Iterable[Instrument] = (),
    ) -> None:
        """Take batches, books and refined instruments; never waits, never refuses."""
        for stream, events in batches:
            self._events.setdefault(stream, []).extend(events)
            self._waiting += len(events)
        for view in views:
            self._views[view.instrument.venue, view.instrument.symbol] = view
        self._refined.extend(refined)
        self._arrived.set()

    def when_full(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Call `pause` now if the backlog is above its bound, and `resume` once it is written."""
        if self._waiting > self._events_max:
            self.stalls += 1
            pause()
            self._resume.append(resume)

    async def run(self) -> None:
        """Write until `close`, and then what is left.

        It is ended by `close` and not by cancelling, which could lose what is being written.
        """
        while not self._closing:
            await self._arrived.wait()
            await self.drain()

    def close(self) -> None:
        """Let `run` end once everything submitted so far is written."""
        self._closing = True
        self._arrived.set()

    async def drain(self) -> None:
        """Write everything that has been submitted; tries again while the store is away."""
        # Input that is nothing but bad brings no batches, and its counts are wanted all the same.
        while self._events or self._views or self._refined or self._rejections.pending:
            self._arrived.clear()
            taken, self._events = self._events, {}
            views, self._views = self._views, {}
            refined, self._refined = self._refined, []
            await self._write(
                [Batch(stream, events) for stream, events in taken.items()],
                list(views.values()),
                refined,
            )
            resume, self._resume = self._resume, []
            for call in resume:
                call()
        self._arrived.clear()

    async def _write(
        self, batches: Sequence[Batch], views: Sequence[BookView], refined: Sequence[Instrument]
    ) -> None:
        count = sum(len(batch.events) for batch in batches)
        # The finer grid first: what stands in the log can then always be explained.
        await self._until_done(self._stores.instruments.save, refined)
        if await self._until_done(self._stores.log.append, batches):
            self.appended += count
        self._waiting -= count
        await self._until_done(self._stores.books.publish, views)
        counts, samples = self._rejections.take()
        if counts:
            await self._quarantine(counts, samples)

    async def _quarantine(
        self, counts: dict[tuple[Venue, str], int], samples: Sequence[Rejection]
    ) -> None:
        async def record(once: Sequence[dict[tuple[Venue, str], int]]) -> None:
            await self._stores.quarantine.record(once[0], samples)

        await self._until_done(record, [counts])

    async def _until_done(
        self, call: Callable[[Sequence[T]], Awaitable[object]], items: Sequence[T]
    ) -> bool:
        """Pass the items on, again and again while the store is away; False if there are none."""
        while items:
            try:
                await call(items)
            except StorageError as error:
                self._log.warning("writer.storage_away", error=str(error), backlog=self._waiting)
                await self._clock.sleep(_RETRY_S)
            else:
                return True
        return False
