"""The one writer to the log: collects what the sessions bring and appends it in large batches.

What was taken is kept until the log has it. The backlog is bounded: above the bound sessions are
told to stop reading their sockets, and told to go on when there is room. Only the log may cause
that; whatever else goes to a store is brought by `beside`, which holds up nobody.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import structlog

from cloud_marketdata.collectors.appended import Appended
from cloud_marketdata.collectors.backlog import Backlog
from cloud_marketdata.collectors.beside import Beside
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.telemetry.catalogue import (
    APPENDS_REFUSED,
    QUEUE,
    QUEUE_BOUND,
    STALLS,
)
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.storage.ports import Batch, BookView, Stores, StreamKind

_RETRY_S: Final = 0.5
_BESIDE: Final = ("books", "instruments", "rejections")


class LogWriter:
    """Appends batches, then has books published: a book is never ahead of the log.

    An append counts as done where the log has journalled it: from there on it is as durable as in
    the log, and comes into it in its order. So books stay fresh while a journal is drained.

    events_max: backlog in events above which sessions are paused. appended: events that the log has
    acknowledged. rounds: how often all that waited has been appended. stalls: how often a session
    was paused. refused: appends that the log has refused.
    """

    def __init__(
        self, stores: Stores, rejections: Rejections, clock: Clock, *, events_max: int
    ) -> None:
        self.appended = self.rounds = self.stalls = self.refused = 0
        self._in_round = False
        self._acknowledged = Appended()
        self._stores = stores
        self._clock = clock
        self._events = Backlog(events_max)
        self._views: dict[tuple[str, str], BookView] = {}
        self._beside = Beside(stores, rejections, clock)
        self._closing = False
        self._arrived = asyncio.Event()
        self._resume: list[Callable[[], None]] = []
        self._log = structlog.get_logger()

    @property
    def backlog(self) -> int:
        """Events that wait for the log."""
        return self._events.count

    @property
    def due(self) -> int:
        """What `rounds` will be when the log has everything submitted so far.

        Not to be told from `appended`: facts come last, behind trades that were submitted later.
        """
        return self.rounds + self._in_round + self._events.untaken

    @property
    def waiting(self) -> dict[str, int]:
        """What waits for the other stores, by name, and what was left out."""
        return {**self._beside.waiting, "alive_unsaid": self._events.unsaid}

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield from self._acknowledged.measures()
        waiting = self._beside.waiting
        yield QUEUE.of(self.backlog, "log")
        yield QUEUE_BOUND.of(self._events.most, "log")
        yield from (QUEUE.of(waiting[name], name) for name in _BESIDE)
        yield STALLS.of(self.stalls)
        yield APPENDS_REFUSED.of(self.refused)

    def submit(
        self,
        batches: Iterable[Batch],
        views: Iterable[BookView] = (),
        refined: Iterable[Instrument] = (),
    ) -> None:
        """Take batches, books and refined instruments; never waits, never refuses."""
        self._events.put(batches)
        for view in views:
            self._views[view.instrument.venue, view.instrument.symbol] = view
        self._beside.save(refined)
        # Input that is nothing but bad brings no batches, and its counts are wanted all the same.
        self._beside.look()
        self._arrived.set()

    def when_full(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Call `pause` now if the backlog is above its bound, and `resume` once it is written."""
        if self._events.full:
            self.stalls += 1
            pause()
            self._resume.append(resume)

    async def run(self) -> None:
        """Write until `close`, and then what is left.

        It is ended by `close` and not by cancelling, which could lose what is being written.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beside.run())
            while not self._closing:
                await self._arrived.wait()
                await self._drain()
            await self._drain()
            self._beside.close()

    def close(self) -> None:
        """Let `run` end once the log has everything submitted so far, and the rest was tried."""
        self._closing = True
        self._arrived.set()

    async def _drain(self) -> None:
        """Append everything that has been submitted."""
        while self.backlog or self._views:
            self._arrived.clear()
            self._in_round = True
            batches = self._events.take()
            views, self._views = self._views, {}
            # Facts last: a word that a stream is alive vouches for the trades that came before it,
            # and a process may be killed while only a part has been written.
            await self._append([b for b in batches if b.stream.kind is not StreamKind.STATUS])
            await self._append([b for b in batches if b.stream.kind is StreamKind.STATUS])
            self._in_round = False
            self.rounds += 1
            self._beside.publish(views.values())
            resume, self._resume = self._resume, []
            for call in resume:
                call()
        self._arrived.clear()

    async def _append(self, batches: Sequence[Batch]) -> None:
        """Append, again and again while the log refuses."""
        began = self._clock.monotonic()
        before = self.refused
        while batches:
            try:
                positions = await self._stores.log.append(batches)
            except StorageError as error:
                if self.refused == before:
                    self._log.error("writer.storage_away", error=str(error), backlog=self.backlog)
                self.refused += 1
                await self._clock.sleep(_RETRY_S)
            else:
                self._acknowledged.note(_written(batches, positions), self._clock.now())
                break
        if self.refused > before:
            seconds = round(self._clock.monotonic() - began, 1)
            self._log.info("writer.storage_back", after_s=seconds, backlog=self.backlog)
        count = sum(len(batch.events) for batch in batches)
        self.appended += count
        self._events.written(count)


def _written(batches: Sequence[Batch], positions: Sequence[int]) -> Iterator[Batch]:
    """Yield the batches that became entries: one that was left out for its fence has no place."""
    return (batch for batch, at in zip(batches, positions, strict=True) if at)
