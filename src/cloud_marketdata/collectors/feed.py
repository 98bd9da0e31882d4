"""One venue: what is collected of it, and everything its connections share.

A start begins with the instruments and with the end of the stored tapes, so that a restart goes on
where the log stops: repeats stay known, and what is missing is asked for again. Symbols come and go
while it runs, without touching the others.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Final, NamedTuple, Protocol

import structlog

from cloud_marketdata.collectors.address import breaker_of
from cloud_marketdata.collectors.backfill import Backfill
from cloud_marketdata.collectors.desk import Desks
from cloud_marketdata.collectors.fleet import Fleet
from cloud_marketdata.collectors.gear import Gear
from cloud_marketdata.collectors.intake import Intake
from cloud_marketdata.collectors.listing import Listed, listed
from cloud_marketdata.collectors.pulses import described, state_of
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest import Rest
from cloud_marketdata.collectors.restoring import restored
from cloud_marketdata.collectors.rulers import Ruler, Rulers
from cloud_marketdata.collectors.session import Session
from cloud_marketdata.collectors.tapes import Tapes
from cloud_marketdata.collectors.transport import Connect
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stores

_ALIVE_S: Final = 5.0


class Door(Protocol):
    """The venue's REST, as `address.Address` opens it."""

    def open(self) -> AbstractAsyncContextManager[Rest]:
        """Open a client."""
        ...

    def detail(self) -> dict[str, object]:
        """Describe it for `/health`."""
        ...


class _Works(NamedTuple):
    """What exists while the feed runs."""

    rest: Rest
    rulers: tuple[Rulers, Rulers]
    tapes: Tapes
    desks: Desks
    backfill: Backfill
    fleet: Fleet


class Feed:
    """Collects symbols of one venue until cancelled; `symbols` are those it is to collect."""

    def __init__(  # noqa: PLR0913  these are its collaborators, each handed in
        self,
        venue: Venue,
        settings: Settings,
        *,
        stores: Stores,
        writer: LogWriter,
        rejections: Rejections,
        door: Door,
        connect: Connect,
        clock: Clock,
        random: Random,
    ) -> None:
        self.venue = venue
        self.symbols: tuple[str, ...] = settings.symbols.get(venue, ())
        self.unknown: list[str] = []
        self.last_error = ""
        self._settings = settings
        self._stores = stores
        self._writer = writer
        self._rejections = rejections
        self._door = door
        self._connect = connect
        self._clock = clock
        self._random = random
        self._breaker = breaker_of(settings, clock)
        self._works: _Works | None = None
        self._changing = asyncio.Lock()
        self._log = structlog.get_logger().bind(venue=str(venue))

    @property
    def sessions(self) -> Sequence[Session]:
        """The connections that are kept."""
        return self._works.fleet.sessions if self._works else ()

    async def run(self) -> None:
        """Learn the instruments, then keep every connection running."""
        async with self._door.open() as rest:
            works = self._assembled(rest)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(works.backfill.run())
                    group.create_task(works.fleet.run())
                    group.create_task(self._say_alive(works.desks))
                    await self._begin(works)
            finally:
                self._works = None

    async def change(self, symbols: Sequence[str]) -> list[str]:
        """Collect exactly these symbols from now on; the connections of the others stay.

        Returns the symbols that the venue does not list. Raises VenueError or StorageError where
        they cannot be looked up; then nothing has changed.
        """
        async with self._changing:
            works = self._works
            if works is None:
                self.symbols = tuple(symbols)
                return []
            new = [symbol for symbol in symbols if symbol not in works.desks]
            found = await self._listed(works.rest, new)
            gone = [symbol for symbol in works.desks if symbol not in symbols]
            self.symbols = tuple(symbols)
            self.unknown = found.unknown
            self._remove(works, gone)
            await self._add(works, found)
            return found.unknown

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        errors = [session.last_error for session in self.sessions if session.last_error]
        state = state_of(self.sessions, trouble=bool(self.last_error or errors))
        return Pulse(
            "collectors",
            self.venue.exchange.value,
            state,
            ok=state == "connected" and not self.unknown,
            detail={"venue": self.venue.value, **self._detail(errors)},
        )

    def _detail(self, errors: Sequence[str]) -> dict[str, object]:
        works = self._works
        return {
            "symbols": list(self.symbols),
            "unknown_symbols": self.unknown,
            "sessions": {session.plan.name: described(session) for session in self.sessions},
            "websocket": {"breaker": self._breaker.state.value, "trips": self._breaker.trips},
            "rest": self._door.detail(),
            "backfill": works.backfill.detail() if works else {},
            "rejected": {
                reason: count
                for (venue, reason), count in self._rejections.total.items()
                if venue is self.venue
            },
            "last_error": self.last_error or "; ".join(errors),
            "backlog": self._writer.backlog,
            "stalls": self._writer.stalls,
        }

    def _assembled(self, rest: Rest) -> _Works:
        rulers = Rulers(self.venue), Rulers(self.venue)
        tapes = Tapes(self.venue)
        desks = Desks(self.venue, tapes)
        stream = self._settings.binance_trade_stream

        def make_intake() -> Intake:
            return Intake(VENUES[self.venue](*rulers, stream), desks, self._rejections)

        backfill = Backfill(
            VENUES[self.venue](*rulers, stream),
            rest,
            tapes,
            self._writer,
            rejections=self._rejections,
            clock=self._clock,
            random=self._random,
        )
        gear = Gear(
            connect=self._connect,
            rest=rest,
            sink=self._writer,
            repair=backfill.request,
            breaker=self._breaker,
            settings=self._settings,
            clock=self._clock,
            random=self._random,
        )
        fleet = Fleet(self._settings.endpoints[self.venue].ws, make_intake, gear)
        return _Works(rest, rulers, tapes, desks, backfill, fleet)

    async def _begin(self, works: _Works) -> None:
        """Ask until venue and store answer; symbols not listed are told and left out."""
        settings = self._settings
        delays = backoff(
            self._random, first_s=settings.backoff_first_s, cap_s=settings.backoff_cap_s
        )
        while True:
            try:
                async with self._changing:
                    found = await self._listed(works.rest, self.symbols)
                    await self._add(works, found)
                    self.unknown, self.last_error = found.unknown, ""
                    self._works = works
                    return
            except (VenueError, StorageError) as error:
                self.last_error = str(error)
                self._log.warning("feed.no_instruments", error=str(error))
                await self._clock.sleep(next(delays))

    async def _listed(self, rest: Rest, symbols: Sequence[str]) -> Listed:
        if not symbols:
            return Listed([], [])
        found = await listed(self.venue, symbols, rest, self._stores.instruments)
        if found.unknown:
            self._log.error("feed.unknown_symbols", symbols=found.unknown)
        return found

    async def _add(self, works: _Works, found: Listed) -> None:
        stored = {
            instrument.symbol: await restored(self._stores, self.venue, instrument.symbol)
            for instrument in found.instruments
        }
        # From here on nothing waits, so nobody sees half of it.
        for instrument in found.instruments:
            symbol = instrument.symbol
            for rulers in works.rulers:
                rulers[symbol] = Ruler(instrument)
            works.tapes.restore(symbol, stored[symbol].tape)
            works.desks[symbol].tell(StatusKind.STARTED, self._clock.now(), {})
            for gap in stored[symbol].gaps:
                works.backfill.request(symbol, gap)
        works.fleet.add([instrument.symbol for instrument in found.instruments])

    def _remove(self, works: _Works, symbols: Sequence[str]) -> None:
        for symbol in symbols:
            # Frames that are still on their way are refused as unknown from here on.
            for rulers in works.rulers:
                rulers.pop(symbol, None)
        works.fleet.remove(symbols)
        for symbol in symbols:
            self._writer.submit(works.desks.pop(symbol).take())
            works.tapes.pop(symbol, None)

    async def _say_alive(self, desks: Desks) -> None:
        while True:
            await self._clock.sleep(_ALIVE_S)
            now = self._clock.now()
            for desk in desks.values():
                desk.alive(now)
                self._writer.submit(desk.take())
