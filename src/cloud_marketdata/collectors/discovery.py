"""Finds the most traded symbols of a venue, now and every so often.

What was in one of the last two rankings counts, so a symbol that falls out stays until it has been
out twice in a row. A ranking that fails changes nothing; it is told and soon asked for again.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Final

import structlog

from cloud_marketdata.collectors.ranking import Ranked, most_traded
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Discover
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import Venue

_FIRST_S: Final = 1.0
_CAP_S: Final = 60.0


class Discovery:
    """Asks one venue while it is told to.

    symbols: the newest ranking's, most traded first, and then those of the one before; kept until
    another ranking has come.
    wanted: what is to be found, if anything; `pending` until a ranking has answered it.
    open_rest: opens the venue's REST. found: called after each ranking.
    """

    def __init__(
        self,
        venue: Venue,
        open_rest: Callable[[], AbstractAsyncContextManager[Rest]],
        *,
        found: Callable[[], None],
        clock: Clock,
        random: Random,
    ) -> None:
        self.symbols: tuple[str, ...] = ()
        self.wanted: Discover | None = None
        self.pending = False
        self.last_error = ""
        self._venue = venue
        self._open_rest = open_rest
        self._found = found
        self._clock = clock
        self._random = random
        self._newest: tuple[str, ...] = ()
        self._told = asyncio.Event()
        self._log = structlog.get_logger().bind(venue=str(venue))

    def tell(self, wanted: Discover | None) -> None:
        """Find this from now on, or nothing; being told the same again changes nothing."""
        if wanted == self.wanted:
            return
        self.wanted, self.pending, self.last_error = wanted, wanted is not None, ""
        # The ranks of another question say nothing about this one.
        self._newest = ()
        if wanted is None:
            self.symbols = ()
        self._told.set()

    async def run(self) -> None:
        """Find until cancelled."""
        async with self._open_rest() as rest:
            delays = self._new_delays()
            while True:
                self._told.clear()
                wanted = self.wanted
                if wanted is None:
                    await self._told.wait()
                elif await self._find(rest, wanted):
                    delays = self._new_delays()
                    await self._told_or_after(wanted.every_minutes * 60.0)
                else:
                    await self._told_or_after(next(delays))

    def detail(self) -> dict[str, object]:
        """Describe it for `/health`."""
        return {
            "wanted": self.wanted.model_dump() if self.wanted else None,
            "pending": self.pending,
            "symbols": list(self.symbols),
            "last_error": self.last_error,
        }

    async def _find(self, rest: Rest, wanted: Discover) -> bool:
        try:
            newest = await self._most_traded(rest, wanted)
        except VenueError as error:
            self.last_error = str(error)
            self._log.warning("discovery.no_ranking", error=str(error), kept=len(self.symbols))
            return False
        if wanted is self.wanted:
            self.symbols = tuple(dict.fromkeys((*newest, *self._newest)))
            self._newest, self.pending, self.last_error = newest, False, ""
            self._found()
        return True

    async def _most_traded(self, rest: Rest, wanted: Discover) -> tuple[str, ...]:
        found = most_traded(await self._ranking(rest), wanted)
        if not found:
            # A misspelt asset, or a venue at rest: neither is a reason to drop everything.
            msg = f"no symbol with the quote asset {wanted.quote} trades"
            raise VenueError(msg)
        return found

    async def _ranking(self, rest: Rest) -> list[Ranked]:
        questions = VENUES[self._venue].ranking()
        try:
            ask = next(questions)
            while True:
                ask = questions.send(await rest.get(ask))
        except StopIteration as end:
            ranking: list[Ranked] = end.value
            return ranking

    async def _told_or_after(self, seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            told = group.create_task(self._told.wait())
            alarm = group.create_task(self._clock.sleep(seconds))
            await asyncio.wait((told, alarm), return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            alarm.cancel()

    def _new_delays(self) -> Iterator[float]:
        return backoff(self._random, first_s=_FIRST_S, cap_s=_CAP_S)
