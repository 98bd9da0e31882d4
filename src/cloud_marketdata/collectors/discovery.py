"""Finds the most traded symbols of a venue, now and every so often.

What was in one of the last two rankings counts, so a symbol that falls out stays until it has been
out twice in a row. A ranking that fails changes nothing; it is told and asked for again.
"""

import asyncio
from collections.abc import Callable
from random import Random

import structlog

from cloud_marketdata.collectors.base import Questions
from cloud_marketdata.collectors.door import Door
from cloud_marketdata.collectors.ranking import Ranked, most_traded
from cloud_marketdata.collectors.rest import Rest
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Discover
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import Venue

_FIRST_S = 1.0
_CAP_S = 60.0


class Discovery:
    """Asks one venue while it is told to; calls `found` after each ranking.

    symbols: what is found, most traded first; kept until another ranking has come.
    pending: whether it is told to find something and no ranking has answered that yet.
    """

    def __init__(
        self,
        venue: Venue,
        door: Door,
        *,
        found: Callable[[], None],
        clock: Clock,
        random: Random,
    ) -> None:
        self.symbols: tuple[str, ...] = ()
        self.last_error = ""
        self.pending = False
        self._venue = venue
        self._door = door
        self._found = found
        self._clock = clock
        self._random = random
        self._wanted: Discover | None = None
        self._newest: tuple[str, ...] = ()
        self._told = asyncio.Event()
        self._log = structlog.get_logger().bind(venue=str(venue))

    def tell(self, wanted: Discover | None) -> None:
        """Find this from now on; None finds nothing. What does not change anything is ignored."""
        if wanted == self._wanted:
            return
        self._wanted, self.pending, self.last_error = wanted, wanted is not None, ""
        # Ranks of another question say nothing about this one.
        self._newest = ()
        if wanted is None:
            self.symbols = ()
        self._told.set()

    async def run(self) -> None:
        """Find until cancelled."""
        async with self._door.open() as rest:
            while True:
                self._told.clear()
                if self._wanted:
                    await self._rank(rest, self._wanted)
                await self._told_or(self._wanted.every_minutes * 60.0 if self._wanted else None)

    def detail(self) -> dict[str, object]:
        """Describe it for `/health`."""
        return {
            "wanted": self._wanted.model_dump() if self._wanted else None,
            "symbols": list(self.symbols),
            "last_error": self.last_error,
        }
