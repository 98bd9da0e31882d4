"""One venue's sessions, and what they share: instruments, tapes, a pulse.

A start begins with the instruments, because without tick and lot nothing can be counted, and with
the end of the stored tape, so that a restart continues it instead of counting repeats.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random

import structlog

from cloud_marketdata.collectors.base import unknown
from cloud_marketdata.collectors.intake import Intake, Tapes
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest import Rest
from cloud_marketdata.collectors.rulers import Rulers
from cloud_marketdata.collectors.session import Session
from cloud_marketdata.collectors.transport import Connect
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind


class Feed:
    """Collects the configured symbols of one venue until cancelled."""

    def __init__(  # noqa: PLR0913  these are its collaborators, each handed in
        self,
        venue: Venue,
        settings: Settings,
        *,
        stores: Stores,
        writer: LogWriter,
        rejections: Rejections,
        rest: Callable[[], AbstractAsyncContextManager[Rest]],
        connect: Connect,
        clock: Clock,
        random: Random,
    ) -> None:
        self.venue = venue
        self.sessions: list[Session] = []
        self.unknown: list[str] = []
        self.last_error = ""
        self._settings = settings
        self._stores = stores
        self._writer = writer
        self._rejections = rejections
        self._rest = rest
        self._connect = connect
        self._clock = clock
        self._random = random
        self._log = structlog.get_logger().bind(venue=str(venue))

    async def run(self) -> None:
        """Learn the instruments, then keep every session running."""
        async with self._rest() as rest:
            instruments, last = await self._known_state(rest)
            tapes = Tapes(self.venue, last)
            self.sessions = self._make_sessions(instruments, tapes, rest)
            async with asyncio.TaskGroup() as group:
                for session in self.sessions:
                    group.create_task(session.run())

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        sessions = self.sessions
        live = bool(sessions) and all(session.connected and session.live for session in sessions)
        if live:
            state = "connected"
        else:
            state = "disconnected" if self.last_error or self._errors() else "connecting"
        return Pulse(
            "collectors",
            self.venue.exchange.value,
            state,
            ok=live and not self.unknown,
            detail={"venue": self.venue.value, **self._detail()},
        )

    def _detail(self) -> dict[str, object]:
        return {
            "sessions": {session.plan.name: _describe(session) for session in self.sessions},
            "unknown_symbols": self.unknown,
            "rejected": {
                reason: count
                for (venue, reason), count in self._rejections.total.items()
                if venue is self.venue
            },
            "last_error": self.last_error or "; ".join(self._errors()),
            "backlog": self._writer.backlog,
            "stalls": self._writer.stalls,
        }

    def _errors(self) -> list[str]:
        return [session.last_error for session in self.sessions if session.last_error]

    def _make_sessions(
        self, instruments: Sequence[Instrument], tapes: Tapes, rest: Rest
    ) -> list[Session]:
        rulers = Rulers(self.venue, instruments), Rulers(self.venue, instruments)
        stream = self._settings.binance_trade_stream

        def make_intake() -> Intake:
            return Intake(VENUES[self.venue](*rulers, stream), tapes, self._rejections)

        symbols = [instrument.symbol for instrument in instruments]
        return [
            Session(
                plan,
                self._settings.endpoints[self.venue].ws,
                make_intake,
                connect=self._connect,
                rest=rest,
                writer=self._writer,
                settings=self._settings,
                clock=self._clock,
                random=self._random,
            )
            for plan in make_intake().collector.connections(symbols)
            if plan.topics
        ]

    async def _known_state(self, rest: Rest) -> tuple[list[Instrument], list[TradeEvent]]:
        """Ask until venue and store answer; symbols not listed are told and left out."""
        settings = self._settings
        delays = backoff(
            self._random, first_s=settings.backoff_first_s, cap_s=settings.backoff_cap_s
        )
        while True:
            try:
                instruments = await self._ask(rest)
                return instruments, await self._last_trades(instruments)
            except (VenueError, StorageError) as error:
                self.last_error = str(error)
                self._log.warning("feed.no_instruments", error=str(error))
                await self._clock.sleep(next(delays))

    async def _ask(self, rest: Rest) -> list[Instrument]:
        symbols = self._settings.symbols[self.venue]
        collector = VENUES[self.venue]
        listed = [
            instrument
            for ask in collector.instrument_asks(symbols)
            for instrument in collector.decode_instruments(await rest.get(ask))
        ]
        wanted = [instrument for instrument in listed if instrument.symbol in symbols]
        self.unknown = unknown(symbols, wanted)
        if self.unknown:
            self._log.error("feed.unknown_symbols", symbols=self.unknown)
        self.last_error = ""
        known = [await self._known(instrument) for instrument in wanted]
        await self._stores.instruments.save(known)
        return known

    async def _known(self, listed: Instrument) -> Instrument:
        """Never count coarser than before: what is stored must stay a whole number of steps."""
        stored = await self._stores.instruments.find(self.venue, listed.symbol)
        if stored is None:
            return listed
        scale = stored.scale.meet(listed.scale)
        if scale == stored.scale:
            return stored
        return Instrument(self.venue, listed.symbol, scale, stored.scale_version + 1)

    async def _last_trades(self, instruments: Sequence[Instrument]) -> list[TradeEvent]:
        trades = []
        for instrument in instruments:
            stream = Stream(self.venue, instrument.symbol, StreamKind.TRADES)
            record = await self._stores.log.last(stream)
            kept = [e for e in record.events if isinstance(e, TradeEvent)] if record else []
            trades += [max(kept, key=lambda trade: trade.sequence)] if kept else []
        return trades


def _describe(session: Session) -> dict[str, object]:
    lanes = session.intake.lanes
    return {
        "connected": session.connected,
        "live": session.live,
        "frames": session.intake.frames,
        "reconnects": session.reconnects,
        "refusals": session.refusals,
        "books": {symbol: lane.sync.state.value for symbol, lane in lanes.items()},
        "book_gaps": sum(lane.sync.gaps for lane in lanes.values()),
        "duplicates": sum(lane.duplicates for lane in lanes.values()),
    }
