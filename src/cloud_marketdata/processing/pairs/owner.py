"""One pair as this process sees it: its own, with an analyst under a lease, or somebody else's.

A pair has a lease of its own, because its two markets may be worked on by different processes.
Whatever is lost with it is in the store and the log, and the next owner goes on from there.
"""

from collections import Counter
from contextlib import suppress
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.handover import Handover
from cloud_marketdata.processing.pairs.analyst import PairAnalyst
from cloud_marketdata.processing.pairs.likes import Pair
from cloud_marketdata.processing.tenure import Tenure
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Stores

_PACE_S: Final = 1.0
"""Between two looks at the log: six streams a pair, and what they tell waits for the lateness."""
_PAUSE_S: Final = 0.02
"""Between two pages of a long way to catch up, so that the workers have the core in between."""
_RETRY_S: Final = 1.0


class PairOwner:
    """Keeps one pair worked on by exactly one process; `analyst` is None while it is not ours.

    Counts in `tally`: tenures that were lost and given away, and what its analysts count there.
    """

    def __init__(
        self,
        pair: Pair,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        *,
        membership: Membership,
        tally: Counter[str],
    ) -> None:
        self.pair = pair
        self.analyst: PairAnalyst | None = None
        self.trouble = ""
        self._tally = tally
        self._stores = stores
        self._clock = clock
        self._settings = settings
        name = f"pair/{pair.subject.scope}/{pair.symbol}"
        lease_s, holder = settings.lease_s, membership.name
        self._tenure = Tenure(stores.leases, name, holder, lease_s, clock)
        self._handover = Handover(name, membership, stores.leases, lease_s, clock)
        self._save_at = 0.0
        self._log = structlog.get_logger().bind(pair=pair.subject.scope, symbol=pair.symbol)

    async def run(self) -> None:
        """Work on the pair whenever it is ours, until cancelled."""
        # What a bug has left behind when it ended the run before is not gone on with.
        self.analyst = None
        third = self._settings.lease_s / 3
        while True:
            try:
                analyst = await self._begin()
                while analyst and analyst is self.analyst:
                    await self._turn(analyst)
                pause = self._handover.pause
            except FencedError as error:
                await self._lose(error)
                pause = min(_RETRY_S, third)
            except StorageError as error:
                self._note(error)
                pause = min(_RETRY_S, third)
            await self._clock.sleep(pause)

    async def finish(self) -> None:
        """Save what the log still holds, and let the pair go; nobody appends any more."""
        try:
            if self.analyst:
                await self._tenure.keep()
                await self.analyst.finish()
        except StorageError as error:
            self._log.warning("pair.not_saved", error=str(error))
        with suppress(StorageError):
            await self._tenure.end()

    async def _begin(self) -> PairAnalyst | None:
        """Take the pair where it is our turn, or keep what is ours after a store was away."""
        if self.analyst:
            return self.analyst
        if not self._handover.wants() or not await self._taken():
            self.trouble = ""
            return None
        lateness = self._settings.lateness_ms * NS_PER_MS
        analyst = PairAnalyst(
            self.pair, self._stores, lateness, fence=self._tenure.token, tally=self._tally
        )
        try:
            await analyst.restore()
        except StorageError:
            with suppress(StorageError):
                await self._tenure.end()
            raise
        self.trouble = ""
        self.analyst = analyst
        return analyst

    async def _taken(self) -> bool:
        """Take the lease, or say that we stand ready for it."""
        # Who cannot reach what it would restore from leaves the pair to those who can.
        await self._stores.flow.watched(self.pair.subject, 0, 0)
        if await self._tenure.begin():
            return True
        await self._handover.ask()
        return False

    async def _turn(self, analyst: PairAnalyst) -> None:
        await self._tenure.keep()
        busy = not analyst.full and await analyst.step()
        now = self._clock.monotonic()
        if now >= self._save_at:
            await analyst.save()
            self._save_at = now + self._settings.save_ms / 1000
        self.trouble = ""
        if await self._handover.asked():
            await self._give(analyst)
            return
        pace = min(_PACE_S, self._settings.lease_s / 3)
        await self._clock.sleep(_PAUSE_S if busy else pace)

    async def _give(self, analyst: PairAnalyst) -> None:
        """Save what was told, and leave the pair to its heir."""
        await analyst.save()
        self.analyst = None
        self._tally["given"] += 1
        self._log.info("pair.given")
        await self._tenure.end()

    def _note(self, error: StorageError) -> None:
        if self.trouble != str(error):
            self._log.warning("pair.storage_away", error=str(error))
        self.trouble = str(error)

    async def _lose(self, error: FencedError) -> None:
        self._tally["lost"] += 1
        self.analyst = None
        self._log.warning("pair.lost", error=str(error))
        # The next token is higher, also where nobody else wants the lease.
        with suppress(StorageError):
            await self._tenure.end()
