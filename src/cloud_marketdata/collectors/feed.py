"""One venue: what is collected of it, and everything its connections share.

A start begins with the instruments and with the end of the stored tapes, so that a restart goes on
where the log stops: repeats stay known, and what is missing is asked for again. Symbols come and go
while it runs, without touching the others. Some may be followed only: another process collects
them, and this one is ready to go on with them.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Final, Protocol

import structlog

from cloud_marketdata.collectors.assembly import Assembly
from cloud_marketdata.collectors.connection.session import Session
from cloud_marketdata.collectors.connection.transport import Connect
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.listing import listed
from cloud_marketdata.collectors.measures import FeedFigures
from cloud_marketdata.collectors.pulses import IDLE, counted, delayed, described, state_of, versions
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.restoring import StoredTape, restored
from cloud_marketdata.collectors.sharing.custody import Custody
from cloud_marketdata.collectors.works import Found, Works
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

_ALIVE_S: Final = 5.0
_LOG_LOOK_S: Final = 0.05
_HOLD_S: Final = 15.0
"""What a shadow holds beyond two leases: who was lost is missed, and its lease taken, by then."""
_OVERLAP_NS: Final = NS_PER_S
"""For so long both hear a symbol before one gives it to the other: what is late for one is not."""
_QUIET_NS: Final = 5 * NS_PER_S
"""Who hears no trade of a symbol for so long, with its book in sync, need not wait for one."""


class Door(Protocol):
    """The venue's REST, as `address.Address` opens it."""

    breaker: CircuitBreaker

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
        self.custody = Custody(writer, 2 * settings.lease_s + _HOLD_S)
        self._settings = settings
        self._stores = stores
        self._writer = writer
        self._rejections = rejections
        self._door = door
        self._clock = clock
        self._random = random
        self._assembly = Assembly(venue, settings, rejections, connect, clock, random)
        breakers = {"ws": self._assembly.breaker, "rest": door.breaker}
        self._figures = FeedFigures(venue, breakers, settings.stale_after_s)
        self._works: Works | None = None
        self._changing = asyncio.Lock()
        self._left_at: dict[str, int] = {}
        self._unlisted: frozenset[str] = frozenset()
        self._log = structlog.get_logger().bind(venue=str(venue))

    @property
    def sessions(self) -> Sequence[Session]:
        """The connections that are kept."""
        return self._works.fleet.sessions if self._works else ()

    @property
    def collected(self) -> Sequence[str]:
        """Symbols that are collected now."""
        works, ours = self._works, self.custody.fences
        return tuple(symbol for symbol in works.rulers[0] if symbol in ours) if works else ()

    @property
    def followed(self) -> Sequence[str]:
        """Symbols that are only heard now."""
        return tuple(self.custody.held)

    async def run(self) -> None:
        """Learn the instruments, then keep every connection running."""
        async with self._door.open() as rest:
            works = self._assembly.works(rest, self.custody, self._figures.counts)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(works.backfill.run())
                    group.create_task(works.fleet.run())
                    group.create_task(self._say_alive(works.desks))
                    await self._begin(works)
            finally:
                self._left(self.collected)
                self.custody.held.clear()
                works.desks.end()
                self._works = None

    async def lists(self, symbol: str) -> bool:
        """Whether the venue lists a symbol; raises VenueError or StorageError."""
        if self._works is None:
            msg = f"{self.venue} has not answered yet: {self.last_error or 'it was just asked'}"
            raise VenueError(msg)
        found = await listed(self.venue, [symbol], self._works.rest, self._stores.instruments)
        return not found.unknown

    async def change(self, symbols: Sequence[str], fences: Mapping[str, int] | None = None) -> None:
        """Collect exactly these symbols from now on; the connections of the others stay.

        Those that the venue does not list are `unknown` from then on. Those that are new are
        collected under the token that `fences` has for them. One that was followed goes on. Raises
        VenueError or StorageError where they cannot be looked up; then nothing has changed.
        """
        async with self._changing:
            works, custody = self._works, self.custody
            if works is None:
                self.symbols = tuple(symbols)
                custody.fences.clear()
                custody.own(symbols, fences or {})
                return
            new = [symbol for symbol in symbols if symbol not in self.collected]
            found = await self._found(works, [s for s in new if s not in custody.held])
            tapes = {s: await self._stored(s) for s in new if s in custody.held}
            # From here on nothing waits, so nobody sees half of it.
            self.symbols, self.unknown = tuple(symbols), found.unknown
            gone = [symbol for symbol in self.collected if symbol not in symbols]
            custody.submit(works.remove(gone))
            self._left(gone)
            custody.disown(gone)
            held = {symbol: self._heard(works, symbol) for symbol in tapes}
            custody.own(new, fences or {})
            now = self._clock.now()
            works.add(found, now)
            for symbol, stored in tapes.items():
                custody.submit(works.succeed(symbol, stored, held[symbol], now))

    async def follow(self, symbols: Sequence[str]) -> None:
        """Hear exactly these symbols besides those that are collected; raises as `change`."""
        async with self._changing:
            works, held = self._works, self.custody.held
            wanted = [symbol for symbol in symbols if symbol not in self.symbols]
            gone = [symbol for symbol in held if symbol not in wanted]
            new = [s for s in wanted if s not in held and s not in self._unlisted]
            if works is None or not (gone or new):
                return
            found = await listed(self.venue, new, works.rest, self._stores.instruments)
            self._unlisted = frozenset(found.unknown) | (self._unlisted & frozenset(wanted))
            works.remove(gone)
            for symbol in gone:
                self.custody.unfollow(symbol)
            for instrument in found.instruments:
                self.custody.follow(instrument.symbol, self._clock.now())
            works.follow(found.instruments)

    def leave(self, symbols: Sequence[str], *, to_heirs: bool) -> None:
        """Stop at once to collect these; to heirs, who have heard them for a while, with a word.

        Nothing more of them is appended, but what was collected until now and not lost.
        """
        works, custody = self._works, self.custody
        gone = [symbol for symbol in self.collected if symbol in set(symbols)]
        if works and to_heirs:
            custody.submit(works.last_words(gone, self._clock.now()))
        self._left(gone)
        custody.disown(symbols)
        self.symbols = tuple(symbol for symbol in self.symbols if symbol in custody.fences)
        if works:
            works.remove(gone)

    async def settled(self, symbols: Iterable[str]) -> None:
        """Return when the log has all that was collected of symbols which were left.

        Raises StorageError where that cannot be, because a journal waits for the log.
        """
        for symbol in symbols:
            await self._appended(symbol)
            for kind in StreamKind:
                await self._stores.log.last(Stream(self.venue, symbol, kind))

    def ripe(self) -> list[str]:
        """Return the followed symbols that have been heard for long enough to go on with."""
        works = self._works
        return [s for s in self.custody.held if works and self._is_ripe(works.desks, s)]

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

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        return self._figures.of(self._works, self._clock.now())

    def _detail(self, errors: Sequence[str]) -> dict[str, object]:
        works, breaker = self._works, self._assembly.breaker
        return {
            "symbols": list(self.symbols),
            "unknown_symbols": self.unknown,
            "sessions": {session.plan.name: described(session) for session in self.sessions},
            "websocket": {"breaker": breaker.state.value, "trips": breaker.trips},
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
                    self.custody.own(self.symbols, {})
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
        await self._appended(symbol)
        return await restored(self._stores, self.venue, symbol)

    async def _appended(self, symbol: str) -> None:
        while self._writer.rounds < self._left_at.get(symbol, 0):
            await self._clock.sleep(_LOG_LOOK_S)

    def _left(self, symbols: Iterable[str]) -> None:
        """Note how far the writer will be when the log has everything of these symbols."""
        self._left_at.update(dict.fromkeys(symbols, self._writer.due))

    def _heard(self, works: Works, symbol: str) -> Sequence[TradeEvent]:
        """Follow a symbol no more, and return the trades that are held of it."""
        desk, custody = works.desks[symbol], self.custody
        custody.submit(desk.take())
        for gap in desk.take_gaps():
            custody.held[symbol].torn(gap)
        return custody.unfollow(symbol)

    def _is_ripe(self, desks: Desks, symbol: str) -> bool:
        held, now = self.custody.held[symbol], self._clock.now()
        heard = held.first_at is not None and now - held.first_at >= _OVERLAP_NS
        return desks[symbol].leader is not None and (heard or now - held.since >= _QUIET_NS)

    async def _say_alive(self, desks: Desks) -> None:
        while True:
            await self._clock.sleep(_ALIVE_S)
            now = self._clock.now()
            for desk in desks.values():
                desk.alive(now)
                self.custody.submit(desk.take())
