"""What one venue is to collect and why: the sum of settings, discovery and admin calls.

The sum is handed to the feed, again and again until the feed has taken it. What an admin call
changes lasts until the settings are read again or the process ends.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Protocol

import structlog
from msgspec.structs import replace

from cloud_marketdata.collectors.discovery import Discovery
from cloud_marketdata.collectors.pulses import IDLE
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import SYMBOL, Settings
from cloud_marketdata.core.errors import StorageError, UnknownMarketError, VenueError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import Venue


class Collects(Protocol):
    """What collects: the feed itself, or our share of what several processes collect."""

    @property
    def venue(self) -> Venue:
        """The venue."""
        ...

    @property
    def collected(self) -> Sequence[str]:
        """Symbols that are collected here now."""
        ...

    @property
    def unknown(self) -> Sequence[str]:
        """Symbols that the venue does not list."""
        ...

    async def lists(self, symbol: str) -> bool:
        """Whether the venue lists a symbol; raises VenueError or StorageError."""
        ...

    async def change(self, symbols: Sequence[str]) -> None:
        """Have exactly these collected; raises VenueError or StorageError, changing nothing."""
        ...

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        ...

    def measures(self) -> Iterable[Sample]:
        """See core.telemetry.metric.Measured."""
        ...


class Roster:
    """The symbols of one venue.

    configured: named by the settings. added and removed: by admin calls. last_error: why the feed
    has not taken the sum yet, if it has not.
    """

    def __init__(
        self,
        feed: Collects,
        open_rest: Callable[[], AbstractAsyncContextManager[Rest]],
        settings: Settings,
        clock: Clock,
        random: Random,
    ) -> None:
        self.venue = feed.venue
        self.configured: Sequence[str] = ()
        self.added: tuple[str, ...] = ()
        self.removed: frozenset[str] = frozenset()
        self.last_error = ""
        self._told: Settings | None = settings
        self._feed = feed
        self._clock = clock
        self._random = random
        self._changing = asyncio.Lock()
        self._stale = asyncio.Event()
        self._discovery = Discovery(
            feed.venue, open_rest, found=self._stale.set, clock=clock, random=random
        )
        self._adopt()
        self._log = structlog.get_logger().bind(venue=str(feed.venue))

    @property
    def collected(self) -> Sequence[str]:
        """Symbols that are collected now."""
        return self._feed.collected

    @property
    def discovered(self) -> Sequence[str]:
        """Symbols that were found by their rank."""
        return self._discovery.symbols

    @property
    def unknown(self) -> Sequence[str]:
        """Symbols that are wanted and that the venue does not list."""
        return self._feed.unknown

    async def run(self) -> None:
        """Discover, and hand on every change, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._discovery.run())
            while True:
                await self._stale.wait()
                self._stale.clear()
                await self._settle()

    def configure(self, settings: Settings) -> None:
        """Collect what these settings say; what admin calls changed is then forgotten."""
        self._told = settings
        self._stale.set()

    async def add(self, symbol: str) -> None:
        """Collect a symbol too.

        Raises UnknownMarketError where the venue does not list it, VenueError or StorageError where
        that cannot be found out; then nothing has changed.
        """
        async with self._changing:
            if symbol not in self.collected and not await self._listed(symbol):
                msg = f"{self.venue} lists no symbol {symbol[:40]}"
                raise UnknownMarketError(msg)
            await self._take((*self.added, symbol), self.removed - {symbol})

    async def remove(self, symbol: str) -> None:
        """Collect a symbol no more, whoever named it; raises as `add`."""
        async with self._changing:
            if symbol not in self._sum(self.added, self.removed):
                msg = f"{self.venue}/{symbol[:40]} is not collected"
                raise UnknownMarketError(msg)
            added = tuple(other for other in self.added if other != symbol)
            await self._take(added, self.removed | {symbol})

    async def pulse(self) -> Pulse:
        """See core.health.Component: the feed's, and whether it was given all there is to do."""
        pulse, discovery = await self._feed.pulse(), self._discovery
        error = self.last_error or discovery.last_error
        detail = {**pulse.detail, "not_taken": self.last_error, "discovery": discovery.detail()}
        state = pulse.state
        if state == IDLE and (error or discovery.pending):
            state = "disconnected" if error else "connecting"
        ok = pulse.ok and not error and not discovery.pending
        return replace(pulse, state=state, ok=ok, detail=detail)

    def measures(self) -> Iterable[Sample]:
        """See core.telemetry.metric.Measured."""
        return self._feed.measures()

    async def _listed(self, symbol: str) -> bool:
        return bool(re.fullmatch(SYMBOL, symbol)) and await self._feed.lists(symbol)

    def _sum(self, added: Sequence[str], removed: frozenset[str]) -> tuple[str, ...]:
        named = dict.fromkeys((*self.configured, *self.discovered, *added))
        return tuple(symbol for symbol in named if symbol not in removed)

    def _adopt(self) -> None:
        """Take on the settings that were told last, if any came."""
        settings, self._told = self._told, None
        if settings:
            self.configured = settings.symbols.get(self.venue, ())
            self.added, self.removed = (), frozenset()
            self._discovery.tell(settings.discover.get(self.venue))

    async def _take(self, added: tuple[str, ...], removed: frozenset[str]) -> None:
        await self._feed.change(self._sum(added, removed))
        # Only now, so that a change which the feed refused leaves no trace.
        self.added, self.removed, self.last_error = tuple(dict.fromkeys(added)), removed, ""

    async def _settle(self) -> None:
        delays = backoff(self._random)
        while True:
            try:
                async with self._changing:
                    self._adopt()
                    await self._take(self.added, self.removed)
                    return
            except (VenueError, StorageError) as error:
                self.last_error = str(error)
                self._log.warning("roster.not_taken", error=str(error))
            await self._clock.sleep(next(delays))
