"""One owner for every market in the log, hired when its first trade or status fact appears.

Several processes may do so over the same stores: each market is worked on by the one that has its
lease. They share the markets by rank; see `handover`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.supervisor import supervised
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.measures import crew_figures
from cloud_marketdata.processing.owner import Owner
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind
from cloud_marketdata.storage.tiering.ports import Forget

_LOOK_S: Final = 0.5
_TOLD: Final = (
    "lost",
    "given",
    "too_late",
    "flow_signals",
    "flow_late",
    "flow_begun_anew",
    "flow_broken",
)


class Crew:
    """All owners of this process, which is one of the members that share the markets."""

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        clock: Clock,
        random: Random,
        *,
        forget: Forget,
        membership: Membership,
    ) -> None:
        self.owners: dict[Stream, Owner] = {}
        self.tally = Tally(*_TOLD)
        self._stores = stores
        self._settings = settings
        self._clock = clock
        self._random = random
        self._forget = forget
        self._membership = membership

    @property
    def workers(self) -> dict[Stream, Worker]:
        """The workers of the markets that are ours at the moment."""
        return {stream: owner.worker for stream, owner in self.owners.items() if owner.worker}

    def markets(self) -> list[tuple[Venue, str]]:
        """Return the markets that are ours at the moment."""
        return [(stream.venue, stream.symbol) for stream in self.workers]

    async def run(self) -> None:
        """Hire and run owners until cancelled; a restart hires all of them anew."""
        self.owners.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                for stream in await self._new_streams():
                    owner = self._hire(stream)
                    name = f"worker {stream.venue} {stream.symbol}"
                    group.create_task(supervised(name, owner.run, self._clock, self._random))
                await self._clock.sleep(_LOOK_S)

    async def pulse(self) -> Pulse:
        """See core.health.Component: whose work stands still, and what is counted."""
        owners = [(f"{s.venue}/{s.symbol}", owner) for s, owner in sorted(self.owners.items())]
        workers = [(name, owner.worker) for name, owner in owners if owner.worker]
        trouble = {name: owner.trouble for name, owner in owners if owner.trouble}
        holding = {name: worker.windows.unsaved for name, worker in workers if worker.full}
        counts = Counter(self.tally)
        for _, worker in workers:
            counts.update(worker.counts)
        analysts = [owner.watch.analyst for _, owner in owners if owner.watch.analyst]
        detail: dict[str, object] = {
            "workers": len(workers),
            "elsewhere": sum(not owner.worker and not owner.trouble for _, owner in owners),
            "trouble": trouble,
            "holding": holding,
            "analysts": len(analysts),
            "warming": sum(analyst.warming for analyst in analysts),
            **counts,
        }
        state = "behind" if trouble else "ok"
        return Pulse("processing", "workers", state, ok=not trouble, detail=detail)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        return crew_figures(self.owners, self.tally, self._settings.held_buckets, self._clock.now())

    async def finish(self) -> None:
        """Fold and store what the log still holds; called when nobody appends any more.

        What cannot be stored now is told and left to the next start.
        """
        for stream in await self._new_streams():
            self._hire(stream)
        ends = [owner.finish() for owner in self.owners.values()]
        for error in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(error, BaseException):
                structlog.get_logger().error("worker.not_saved", exc_info=error)

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
        return sorted(folded - self.owners.keys())

    def _hire(self, stream: Stream) -> Owner:
        owner = self.owners[stream] = Owner(
            stream,
            self._stores,
            self._clock,
            self._settings,
            membership=self._membership,
            forget=self._forget,
            tally=self.tally,
        )
        return owner
