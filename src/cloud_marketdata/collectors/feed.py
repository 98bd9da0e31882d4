"""One venue: what is collected of it, and everything its connections share.

A start begins with the instruments and with the end of the stored tapes, so that a restart goes on
where the log stops: repeats stay known, and what is missing is asked for again. Symbols come and go
while it runs, without touching the others.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Final, Protocol

import structlog

from cloud_marketdata.collectors.connection.fleet import Fleet
from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.session import Session
from cloud_marketdata.collectors.connection.transport import Connect
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.listing import listed
from cloud_marketdata.collectors.pulses import IDLE, counted, delayed, described, state_of, versions
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import breaker_of
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.restoring import StoredTape, restored
from cloud_marketdata.collectors.tapes.backfill import Backfill
from cloud_marketdata.collectors.tapes.tape import Tapes
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.collectors.works import Found, Works
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stores

_ALIVE_S: Final = 5.0
_LOG_LOOK_S: Final = 0.05


class Door(Protocol):
    """The venue's REST, as `address.Address` opens it."""

    def open(self) -> AbstractAsyncContextManager[Rest]:
        """Open a client."""
        ...

    def detail(self) -> dict[str, object]:
        """Describe it for `/health`."""
        ...


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
        self.symbols = tuple(dict.fromkeys(settings.symbols.get(venue, ())))
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
        self._works: Works | None = None
        self._changing = asyncio.Lock()
        self._left_at: dict[str, int] = {}
        self._log = structlog.get_logger().bind(venue=str(venue))

    @property
    def sessions(self) -> Sequence[Session]:
        """The connections that are kept."""
        return self._works.fleet.sessions if self._works else ()

    @property
    def collected(self) -> Sequence[str]:
        """Symbols that are collected now."""
        return tuple(self._works.rulers[0]) if self._works else ()

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
                self._left(works.rulers[0])
                self._works = None

    async def lists(self, symbol: str) -> bool:
        """Whether the venue lists a symbol; raises VenueError or StorageError."""
        if self._works is None:
            msg = f"{self.venue} has not answered yet: {self.last_error or 'it was just asked'}"
            raise VenueError(msg)
        found = await listed(self.venue, [symbol], self._works.rest, self._stores.instruments)
        return not found.unknown

    async def change(self, symbols: Sequence[str]) -> None:
        """Collect exactly these symbols from now on; the connections of the others stay.

        Those that the venue does not list are `unknown` from then on. Raises VenueError or
        StorageError where they cannot be looked up; then nothing has changed.
        """
        async with self._changing:
            works = self._works
            if works is None:
                self.symbols = tuple(symbols)
                return
            found = await self._found(works, [s for s in symbols if s not in self.collected])
            # From here on nothing waits, so nobody sees half of it.
            self.symbols, self.unknown = tuple(symbols), found.unknown
            gone = [symbol for symbol in self.collected if symbol not in symbols]
            self._writer.submit(works.remove(gone))
            self._left(gone)
            works.add(found, self._clock.now())

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        errors = [session.last_error for session in self.sessions if session.last_error]
        state = IDLE
        if self.symbols:
            state = state_of(self.sessions, trouble=bool(self.last_error or errors))
        return Pulse(
            "collectors",
            self.venue.exchange.value,
            state,
            ok=state in {"connected", IDLE} and not self.unknown,
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
            "counts": counted(works.desks.values()) if works else {},
            "delay_ms": delayed(works.desks.values()) if works else {},
            "scale_versions": versions(*works.rulers) if works else {},
            "backfill": works.backfill.detail() if works else {},
            "rejected": {
                reason: count
                for (venue, reason), count in self._rejections.total.items()
                if venue is self.venue
            },
            "last_error": self.last_error or "; ".join(errors),
            "backlog": self._writer.backlog,
            "stalls": self._writer.stalls,
            "refused_appends": self._writer.refused,
            "waiting_beside": self._writer.waiting,
        }

    def _assembled(self, rest: Rest) -> Works:
        rulers = Rulers(self.venue), Rulers(self.venue)
        tapes = Tapes(self.venue)
        desks = Desks(self.venue, tapes)
        stream = self._settings.binance_trade_stream

        def make_intake() -> Intake:
            return Intake(VENUES[self.venue](*rulers, stream), desks, self._rejections)

        backfill = Backfill(
            VENUES[self.venue](*rulers, stream),
            rest,
            desks,
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
        return Works(rest, rulers, tapes, desks, backfill, fleet)

    async def _begin(self, works: Works) -> None:
        """Ask until venue and store answer; symbols not listed are told and left out."""
        settings = self._settings
        delays = backoff(
            self._random, first_s=settings.backoff_first_s, cap_s=settings.backoff_cap_s
        )
        while True:
            try:
                async with self._changing:
                    found = await self._found(works, self.symbols)
                    works.add(found, self._clock.now())
                    self.unknown, self.last_error = found.unknown, ""
                    self._works = works
                    return
            except (VenueError, StorageError) as error:
                self.last_error = str(error)
                self._log.warning("feed.no_instruments", error=str(error))
                await self._clock.sleep(next(delays))

    async def _found(self, works: Works, symbols: Sequence[str]) -> Found:
        if not symbols:
            return Found([], [])
        listing = await listed(self.venue, symbols, works.rest, self._stores.instruments)
        if listing.unknown:
            self._log.error("feed.unknown_symbols", symbols=listing.unknown)
        tapes = [await self._stored(instrument.symbol) for instrument in listing.instruments]
        return Found(list(zip(listing.instruments, tapes, strict=True)), listing.unknown)

    async def _stored(self, symbol: str) -> StoredTape:
        """Read the end of a symbol's tape, behind whatever still waits for the log."""
        while self._writer.appended < self._left_at.get(symbol, 0):
            await self._clock.sleep(_LOG_LOOK_S)
        return await restored(self._stores, self.venue, symbol)

    def _left(self, symbols: Iterable[str]) -> None:
        """Note where the log will stand when it has everything of these symbols."""
        end = self._writer.appended + self._writer.backlog
        self._left_at.update(dict.fromkeys(symbols, end))

    async def _say_alive(self, desks: Desks) -> None:
        while True:
            await self._clock.sleep(_ALIVE_S)
            now = self._clock.now()
            for desk in desks.values():
                desk.alive(now)
                self._writer.submit(desk.take())
