"""Holds every closed minute of the markets that are ours against the venue's own kline.

Each venue is asked at its own pace: one that refuses or is away holds up none of the others, and
is asked again later and later. Nothing here makes the service sick: what could not be compared is
told as pending, and after a while as unavailable, never as exact.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Final

import structlog

from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import RECONCILED
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.reconciled import Verdict
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.processing.reconciliation.market import Manners, MarketMinutes
from cloud_marketdata.processing.reconciliation.minutes import Minute
from cloud_marketdata.processing.reconciliation.ports import KlineAnswers, KlineSource
from cloud_marketdata.storage.ports import Stores

_LOOK_S: Final = 3.0
_FIRST_S: Final = 1.0
_CAP_S: Final = 60.0

Markets = Callable[[], Sequence[tuple[Venue, str]]]
"""Tells which markets are ours at the moment."""


class Reconciling:
    """Compares until it is cancelled; `tally` counts verdicts, a changed one again."""

    def __init__(
        self,
        stores: Stores,
        source: KlineSource,
        settings: Settings,
        clock: Clock,
        random: Random,
        *,
        markets: Markets,
    ) -> None:
        self.tally: Counter[Verdict] = Counter()
        self.trouble: dict[Venue, str] = {}
        self._stores = stores
        self._source = source
        self._manners = Manners.of(settings)
        self._clock = clock
        self._random = random
        self._markets = markets
        self._minutes: dict[tuple[Venue, str], MarketMinutes] = {}

    async def run(self) -> None:
        """Look for minutes to compare until cancelled; a restart looks at all of them anew."""
        self._minutes.clear()
        async with asyncio.TaskGroup() as group:
            for venue in Venue:
                group.create_task(self._keep_comparing(venue))

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield from (RECONCILED.of(self.tally[verdict], verdict.value) for verdict in Verdict)

    async def pulse(self) -> Pulse:
        """See core.health.Component: verdicts since the start, and how many minutes wait."""
        exact, mismatch = self.tally[Verdict.EXACT], self.tally[Verdict.MISMATCH]
        detail: dict[str, object] = {
            "compared": exact + mismatch,
            "exact": exact,
            "mismatch": mismatch,
            "unavailable": self.tally[Verdict.UNAVAILABLE],
            "pending": sum(len(minutes.waiting) for minutes in self._minutes.values()),
            "trouble": {venue.value: why for venue, why in sorted(self.trouble.items())},
        }
        state = "waiting" if self.trouble else "ok"
        return Pulse("processing", "reconciliation", state, ok=True, detail=detail)

    async def _keep_comparing(self, venue: Venue) -> None:
        delays = backoff(self._random, first_s=_FIRST_S, cap_s=_CAP_S)
        while True:
            await self._clock.sleep(_LOOK_S)
            try:
                why = await self.look(venue)
            except StorageError as error:
                why = str(error)
            if not why:
                self.trouble.pop(venue, None)
                delays = backoff(self._random, first_s=_FIRST_S, cap_s=_CAP_S)
                continue
            if self.trouble.get(venue) != why:
                structlog.get_logger().info("reconciling.waits", venue=venue.value, why=why)
            self.trouble[venue] = why
            await self._clock.sleep(next(delays))

    async def look(self, venue: Venue) -> str:
        """Compare a page of each market of a venue; return why it could not be asked, if so.

        A venue that does not answer for one market is not asked for the others. Raises
        StorageError.
        """
        why = ""
        async with AsyncExitStack() as stack:
            answers: KlineAnswers | None = None
            for minutes in self._ours(venue):
                due = await minutes.due()
                if due and answers is None:
                    answers = await stack.enter_async_context(self._source.open(venue))
                if due and answers and not why:
                    why = await self._compared(minutes, answers, due)
                if due and why:
                    await minutes.give_up(due, why)
        return why

    @staticmethod
    async def _compared(
        minutes: MarketMinutes, answers: KlineAnswers, due: Sequence[Minute]
    ) -> str:
        try:
            await minutes.compare(answers, due)
        except VenueError as error:
            return str(error)
        return ""

    def _ours(self, venue: Venue) -> Sequence[MarketMinutes]:
        ours = {market for market in self._markets() if market[0] is venue}
        for market in [one for one in self._minutes if one[0] is venue and one not in ours]:
            del self._minutes[market]
        for market in ours - self._minutes.keys():
            self._minutes[market] = MarketMinutes(
                market, self._stores, self._manners, self._clock, self.tally
            )
        return [self._minutes[market] for market in sorted(ours)]
