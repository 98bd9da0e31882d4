"""Bounds what is kept beyond bars: flow minutes, signals and the verdicts of reconciliation.

Age is counted from the newest minute of the same market, as its tape tells the time: a market that
is replayed from an old tape keeps as much as one that trades now. Nothing of it goes to the cold
tier, so what is forgotten here is gone. Of several processes each forgets what is its own by rank.
"""

from collections.abc import Iterable
from typing import NamedTuple

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.ports import Stores


class Kept(NamedTuple):
    """For how long each is kept, in ns."""

    minutes: int
    signals: int
    reconciliations: int

    @classmethod
    def of(cls, settings: Settings) -> "Kept":
        """Read it from the settings."""
        return cls(
            minutes=settings.flow_kept_days * Timeframe.D1.ns,
            signals=settings.signals_kept_days * Timeframe.D1.ns,
            reconciliations=settings.reconciliations_kept_hours * Timeframe.H1.ns,
        )


class FlowRetention:
    """Removes what is too old, of every subject and market, every so many seconds."""

    def __init__(
        self, stores: Stores, clock: Clock, kept: Kept, every_s: float, membership: Membership
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._kept = kept
        self._every_s = every_s
        self._membership = membership

    async def run(self) -> None:
        """Forget again and again until cancelled."""
        while True:
            try:
                await self.forget()
            except StorageError as error:
                structlog.get_logger().warning("flow_retention.storage_away", error=str(error))
            await self._clock.sleep(self._every_s)

    async def forget(self) -> int:
        """Remove what is too old; return how much went."""
        return await self._forget_flow() + await self._forget_verdicts()

    def _ours(self, venue: str, symbol: str) -> bool:
        return self._membership.rank(f"retention/{venue}/{symbol}") == 0

    async def _newest(self, subject: Subject) -> int | None:
        watched = await self._stores.flow.watched(subject, 0, 0)
        return watched.newest.start if watched and watched.newest else None

    async def _forget_flow(self) -> int:
        subjects = await self._stores.flow.subjects()
        ours = [subject for subject in subjects if self._ours(*subject)]
        newest = {subject: await self._newest(subject) for subject in ours}
        latest = None
        if None in newest.values():
            # Whatever has no minutes of its own lives in the time of the others.
            latest = _latest([await self._newest(subject) for subject in subjects])
        gone = 0
        for subject, own in newest.items():
            time = latest if own is None else own
            if time is not None:
                minutes, signals = time - self._kept.minutes, time - self._kept.signals
                gone += await self._stores.flow.forget(subject, minutes=minutes, signals=signals)
        return gone

    async def _forget_verdicts(self) -> int:
        gone = 0
        for one in await self._stores.instruments.all():
            at = (one.venue, one.symbol)
            if not self._ours(*at):
                continue
            bounds = await self._stores.aggregates.bounds(*at, Timeframe.M1)
            if bounds:
                before = bounds[1] - self._kept.reconciliations
                gone += await self._stores.reconciliations.forget(*at, before)
        return gone


def _latest(times: Iterable[int | None]) -> int | None:
    return max((time for time in times if time is not None), default=None)
