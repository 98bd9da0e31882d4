"""One owner for every pair of like markets in the log, hired when both are there.

Several processes may do so over the same stores; a pair is worked on by the one that has its lease.
They share the pairs by rank, as they do the markets.
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
from cloud_marketdata.processing.measures import pair_figures
from cloud_marketdata.processing.pairs.likes import Pair, pairs_of
from cloud_marketdata.processing.pairs.owner import PairOwner
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Stores

_LOOK_S: Final = 2.0


class PairCrew:
    """All owners of pairs of this process, which is one of the members that share them."""

    def __init__(
        self,
        stores: Stores,
        settings: Settings,
        clock: Clock,
        random: Random,
        *,
        membership: Membership,
    ) -> None:
        self.owners: dict[Pair, PairOwner] = {}
        self.tally: Counter[str] = Counter(minutes=0, signals=0, lost=0, given=0)
        self._stores = stores
        self._settings = settings
        self._clock = clock
        self._random = random
        self._membership = membership

    async def run(self) -> None:
        """Hire and run owners until cancelled; a restart hires all of them anew."""
        self.owners.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                for pair in await self._new_pairs():
                    owner = self.owners[pair] = PairOwner(
                        pair,
                        self._stores,
                        self._clock,
                        self._settings,
                        membership=self._membership,
                        tally=self.tally,
                    )
                    name = f"pair {pair.subject.scope} {pair.symbol}"
                    group.create_task(supervised(name, owner.run, self._clock, self._random))
                await self._clock.sleep(_LOOK_S)

    async def finish(self) -> None:
        """Store what the log still holds; called when nobody appends any more."""
        ends = [owner.finish() for owner in self.owners.values()]
        for error in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(error, BaseException):
                structlog.get_logger().error("pair.not_saved", exc_info=error)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        return pair_figures(self.tally)

    async def pulse(self) -> Pulse:
        """See core.health.Component: which pairs stand still, and what is counted."""
        owners = {
            f"{pair.subject.scope}/{pair.symbol}": owner for pair, owner in self.owners.items()
        }
        trouble = {name: owner.trouble for name, owner in owners.items() if owner.trouble}
        warming = {name: owner.analyst.warming for name, owner in owners.items() if owner.analyst}
        detail: dict[str, object] = {
            "pairs": sum(owner.analyst is not None for owner in owners.values()),
            "trouble": trouble,
            "warming": {name: list(names) for name, names in warming.items() if names},
            **self.tally,
        }
        state = "behind" if trouble else "ok"
        return Pulse("processing", "pairs", state, ok=not trouble, detail=detail)

    async def _new_pairs(self) -> list[Pair]:
        try:
            streams = await self._stores.log.streams()
        except StorageError as error:
            structlog.get_logger().warning("pairs.storage_away", error=str(error))
            return []
        return [pair for pair in pairs_of(streams) if pair not in self.owners]
