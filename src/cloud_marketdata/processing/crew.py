"""One worker for every market in the log, hired when its first trade or status fact appears."""

import asyncio
from collections import Counter
from random import Random
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.supervisor import supervised
from cloud_marketdata.processing.worker import DayClosed, Worker
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

_LOOK_S: Final = 0.5


class Crew:
    """All workers of this process."""

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        clock: Clock,
        random: Random,
        day_closed: DayClosed,
    ) -> None:
        self.workers: dict[Stream, Worker] = {}
        self._stores = stores
        self._settings = settings
        self._clock = clock
        self._random = random
        self._day_closed = day_closed

    async def run(self) -> None:
        """Hire and run workers until cancelled; a restart hires all of them anew."""
        self.workers.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                for stream in await self._new_streams():
                    worker = self._hire(stream)
                    name = f"worker {stream.venue} {stream.symbol}"
                    group.create_task(supervised(name, worker.run, self._clock, self._random))
                await self._clock.sleep(_LOOK_S)

    async def pulse(self) -> Pulse:
        """See core.health.Component: whose work stands still, and what their ledgers count."""
        workers = sorted(self.workers.items())
        trouble = {f"{s.venue}/{s.symbol}": w.trouble for s, w in workers if w.trouble}
        counts: Counter[str] = Counter()
        for _, worker in workers:
            counts.update(worker.ledger.counts)
        detail = {"workers": len(workers), "trouble": trouble, **counts}
        state = "behind" if trouble else "ok"
        return Pulse("processing", "workers", state, ok=not trouble, detail=detail)

    async def finish(self) -> None:
        """Fold and store what the log still holds; called when nobody appends any more."""
        for stream in await self._new_streams():
            self._hire(stream)
        for worker in self.workers.values():
            await worker.finish()

    async def _new_streams(self) -> list[Stream]:
        try:
            streams = await self._stores.log.streams()
        except StorageError as error:
            structlog.get_logger().warning("crew.storage_away", error=str(error))
            return []
        # Facts need a worker too: a market may have a book to tell of before its first trade.
        folded = {
            stream._replace(kind=StreamKind.TRADES)
            for stream in streams
            if stream.kind is not StreamKind.BOOK
        }
        return sorted(folded - self.workers.keys())

    def _hire(self, stream: Stream) -> Worker:
        settings = self._settings
        worker = self.workers[stream] = Worker(
            stream,
            self._stores,
            self._clock,
            lateness_ms=settings.lateness_ms,
            save_ms=settings.save_ms,
            hot_minutes=settings.hot_minutes,
            day_closed=self._day_closed,
        )
        return worker
