"""The composition root: it builds a process of its parts, supervises them and stops them.

Start: stores, audit, writer, feeds, workers, API. Stop is in the direction of the data: sockets
close, the writer drains into the log, the workers save what is in the log, the audit log ends, the
stores close.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date
from random import Random, SystemRandom
from socket import socket
from typing import Final

import structlog
import uvicorn

from cloud_marketdata import __version__
from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.audit import build_audit
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.signals.queries import Detectors
from cloud_marketdata.api.stream.asyncapi import build_page
from cloud_marketdata.api.stream.endpoint import build_stream
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.collectors.connection.transport import connector
from cloud_marketdata.collectors.duty import Duty
from cloud_marketdata.collectors.feed import Feed
from cloud_marketdata.collectors.klines.source import VenueKlines
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import Address, addresses_of
from cloud_marketdata.collectors.roster import Roster
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.clock import Clock, SystemClock
from cloud_marketdata.core.config import Settings, goes_in_the_clear, is_loopback
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.holders import collector_name, worker_name
from cloud_marketdata.core.hosting import PublicServer, bound_for_readers
from cloud_marketdata.core.reload import Reload
from cloud_marketdata.core.supervisor import supervised
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.guarding import Guarding
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.processing.detectors import kline_mismatch
from cloud_marketdata.processing.flow.registry import FOLDS
from cloud_marketdata.processing.pairs import telling
from cloud_marketdata.processing.pairs.crew import PairCrew
from cloud_marketdata.processing.reconciliation.reconciling import Reconciling
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.security.tls.client import client_context
from cloud_marketdata.storage.deployment import Deployment, open_cold, open_stores
from cloud_marketdata.storage.embedded.ownership import owned
from cloud_marketdata.storage.flow_retention import FlowRetention, Kept
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.objects.verify import Report, verify
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.retention import HotRetention
from cloud_marketdata.storage.tiering.archived import Archived
from cloud_marketdata.storage.tiering.archiving import Archiving
from cloud_marketdata.storage.tiering.forgetting import Forgetting

_STOP_S: Final = 5
_DRAIN_S: Final = 10.0
"""How long a stop waits for a store that is away; what it has not taken by then is told."""
_FRAME_MAX: Final = 1 << 18
"""Bytes of a WebSocket message; the stream itself refuses longer requests long before."""
_LIVE: Final = ("symbols", "discover")
"""Settings that change while a process collects; all others want a restart."""
_DETECTORS: Final = Detectors(
    {fold.name: fold.version for fold in FOLDS} | {kline_mismatch.NAME: kline_mismatch.VERSION},
    {telling.DETECTOR: telling.VERSION},
)


class Service:
    """Everything one process runs, according to its role."""

    def __init__(self, settings: Settings, stores: Stores, clock: Clock, random: Random) -> None:
        self.settings = settings
        self.rejections = Rejections()
        self.writer = LogWriter(
            stores,
            self.rejections,
            clock,
            events_max=settings.queue_batches * settings.batch_events,
        )
        self.rosters: dict[Venue, Roster] = {}
        self.components: list[Component] = []
        self._duties: list[Duty] = []
        self._parts: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self.audit = AuditLog(settings, stores.objects, clock, random)
        limits = {venue: collector.limits for venue, collector in VENUES.items()}
        addresses = addresses_of(settings, limits, clock)
        if self._does("collect"):
            self._add_venues(stores, addresses, clock, random)
        archived = Archived()
        forgetting = Forgetting(stores, settings, clock, archived)
        self.crew = Crew(
            stores,
            settings,
            clock,
            random,
            forget=forgetting.forget,
            holder=worker_name(settings, random),
        )
        self.queries = Queries(stores, clock, settings, _DETECTORS)
        self.hub = Hub(self.queries, stores, clock, settings, random)
        self.readers = Readers(settings)
        self.components += [*stores.pulses, self.audit]
        self.guarding: Guarding | None = None
        if self._does("serve"):
            local = MemoryQuotas(clock)
            self.guarding = Guarding(stores, local, settings, clock, random, self.audit)
            self._add_serving(self.guarding)
        self.pairs: PairCrew | None = None
        if self._does("process"):
            self._add_keeping(stores, clock, archived, forgetting)
            if settings.signals:
                self.pairs = self._add_pairs(stores, clock, random)
            if settings.reconcile:
                self._add_reconciling(stores, addresses, clock, random)
        self._clock = clock
        self._random = random
        self._server: PublicServer

    def _add_serving(self, guarding: Guarding) -> None:
        """Answer, and carry the live stream."""
        self._parts += [("stream", self.hub.run), *guarding.parts]
        self.components += guarding.components
        asked = (self.queries.answers, self.queries.trees, self.queries.profiles)
        self.components += [*asked, self.hub, self.readers]

    def _add_keeping(
        self, stores: Stores, clock: Clock, archived: Archived, forgetting: Forgetting
    ) -> None:
        """Fold what is in the log, archive what is closed, and forget what the next tier has."""
        every_s = self.settings.tiering_every_s
        archiving = Archiving(stores, clock, archived, markets=self.crew.markets, every_s=every_s)
        retention = HotRetention(stores.log, clock, self.settings.hot_minutes)
        flow_retention = FlowRetention(stores, clock, Kept.of(self.settings), every_s)
        self._parts += [
            ("crew", self.crew.run),
            ("archiving", archiving.run),
            ("retention", retention.run),
            ("flow retention", flow_retention.run),
        ]
        self.components += [self.crew, forgetting, archiving]

    def _add_pairs(self, stores: Stores, clock: Clock, random: Random) -> PairCrew:
        """Have venues of one kind compared with each other."""
        holder = worker_name(self.settings, random)
        pairs = PairCrew(stores, self.settings, clock, random, holder=holder)
        self._parts.append(("pairs", pairs.run))
        self.components.append(pairs)
        return pairs

    async def run(self, stopped: asyncio.Event, listener: socket | None) -> None:
        """Run until `stopped` is set; the API answers on `listener`, where there is one."""
        async with asyncio.TaskGroup() as group:
            remembering = group.create_task(
                supervised("audit", self.audit.run, self._clock, self._random)
            )
            self._note("service.start")
            writing = group.create_task(self.writer.run())
            tasks = [
                group.create_task(supervised(name, run, self._clock, self._random))
                for name, run in self._parts
            ]
            serving = (
                group.create_task(self._serve(listener, self.guarding))
                if listener and self.guarding
                else None
            )
            await stopped.wait()
            self.readers.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if serving:
                self._server.should_exit = True
                await serving
            self.writer.close()
            if await self._written(writing):
                for duty in self._duties:
                    await duty.end()
                if self._does("process"):
                    await self.crew.finish()
                if self.pairs:
                    await self.pairs.finish()
            self._note("service.stop")
            self.audit.close()
            await remembering
        structlog.get_logger().info("service.stopped")

    def _note(self, action: str) -> None:
        self.audit.record(AuditEvent(action, "system", "ok", owner="service"))

    async def _written(self, writing: asyncio.Task[None]) -> bool:
        """Wait for the writer's end; False where the store is away for too long."""
        await asyncio.wait((writing,), timeout=_DRAIN_S + 2 * self.settings.store_timeout_s)
        if writing.done():
            return True
        structlog.get_logger().error("service.not_written", events=self.writer.backlog)
        writing.cancel()
        return False

    def reloading(self, reread: Callable[[], Settings]) -> asyncio.Event:
        """Have the settings read again while it runs, whenever the returned event is set."""
        live = _LIVE if self.rosters else ()
        reload = Reload(self.settings, reread, live=live, apply=self._reconfigure)
        self._parts.append(("reload", reload.run))
        return reload.asked

    def _reconfigure(self, settings: Settings) -> None:
        self._note("service.reload")
        if self.guarding and self.guarding.certificates:
            self.guarding.certificates.look()
        for roster in self.rosters.values():
            roster.configure(settings)

    def _does(self, role: str) -> bool:
        return self.settings.role in {role, "all"}

    def _add_reconciling(
        self, stores: Stores, addresses: Mapping[Venue, Address], clock: Clock, random: Random
    ) -> None:
        """Make ready to hold our minutes against the venues' own, asked at the feeds' addresses."""
        stream = self.settings.binance_trade_stream
        source = VenueKlines(addresses, stream, self.rejections, clock)
        reconciling = Reconciling(
            stores, source, self.settings, clock, random, markets=self.crew.markets
        )
        self._parts.append(("reconciliation", reconciling.run))
        self.components.append(reconciling)

    def _add_venues(
        self, stores: Stores, addresses: Mapping[Venue, Address], clock: Clock, random: Random
    ) -> None:
        """Make ready to collect from every venue: one without symbols may be given some later."""
        settings = self.settings
        holder = collector_name(settings, random)
        for venue in Venue:
            address = addresses[venue]
            feed = Feed(
                venue,
                settings,
                stores=stores,
                writer=self.writer,
                rejections=self.rejections,
                door=address,
                connect=connector(clock, client_context(settings.tls_ca)),
                clock=clock,
                random=random,
            )
            roster = Roster(feed, address.open, settings, clock, random)
            self.rosters[venue] = roster
            duty = Duty(venue, stores.leases, clock, holder=holder, seconds=settings.lease_s)
            self._duties.append(duty)
            self.components.append(duty.told(roster))
            self._parts += [(f"feed {venue}", duty.of(feed.run)), (f"roster {venue}", roster.run)]

    async def _serve(self, listener: socket, guarding: Guarding) -> None:
        settings = self.settings
        app = create_app(
            queries=self.queries,
            components=self.components,
            clock=self._clock,
            settings=settings,
            guard=guarding.guard,
            rosters=self.rosters,
            routers=[
                build_stream(self.hub, self.readers, self._clock, settings, guarding.stream),
                build_page(__version__),
                build_audit(settings.data_dir / "audit", self._clock),
            ],
        )
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            # Its own way believes whatever a proxy on this machine says; ours asks the settings.
            proxy_headers=False,
            server_header=False,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=_FRAME_MAX,
            timeout_graceful_shutdown=_STOP_S,
        )
        shown = guarding.certificates
        self._server = PublicServer(config, guarding.door, shown.context if shown else None)
        await self._server.serve(sockets=[listener])


async def verify_objects(settings: Settings, day: date, *, whole: bool) -> Report:
    """Verify a day in the cold tier, or with `whole` also every day before it."""
    objects, _ = await asyncio.to_thread(open_cold, settings)
    return await verify(objects, day, whole=whole)


async def run_service(
    settings: Settings,
    ready: Callable[[int], None],
    reread: Callable[[], Settings] | None = None,
) -> None:
    """Run one process until SIGINT or SIGTERM; where it can `reread`, SIGHUP makes it do so."""
    clock = SystemClock()
    stopped = asyncio.Event()
    _on_signals(stopped.set, signal.SIGINT, signal.SIGTERM)
    asked = asyncio.Event()
    if reread:
        # From here on: a reload that comes while the stores open is kept for later.
        _on_signals(asked.set, signal.SIGHUP)
    _warn_of_open_ends(settings)
    # The port first: where it is taken nothing else shall have started.
    with _listener(settings) as listener, _ownership(settings):
        random = SystemRandom()
        appends = settings.role in {"collect", "all"}
        async with open_stores(Deployment(settings, clock, random, appends=appends)) as stores:
            service = Service(settings, stores, clock, random)
            if reread:
                reload = service.reloading(reread)
                _on_signals(reload.set, signal.SIGHUP)
                if asked.is_set():
                    reload.set()
            if listener:
                ready(listener.getsockname()[1])
            await service.run(stopped, listener)


def _warn_of_open_ends(settings: Settings) -> None:
    """Say at each start what goes over a network without keys or without TLS."""
    log = structlog.get_logger()
    if settings.allow_open_bind and not is_loopback(settings.host):
        tls = settings.tls_certificate is not None
        log.warning("service.open_bind", host=settings.host, keys=settings.asks_for_keys, tls=tls)
    for name, url in (("redis_url", settings.redis_url), ("mongodb_url", settings.mongodb_url)):
        if url is not None and goes_in_the_clear(url.get_secret_value()):
            log.warning("service.store_without_tls", setting=name)


def _on_signals(call: Callable[[], None], *numbers: signal.Signals) -> None:
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, call)


def _ownership(settings: Settings) -> ExitStack:
    """Own what only one process may do in a data folder, for each tier that lies there."""
    stack = ExitStack()
    hot_is_here, warm_is_here = settings.redis_url is None, settings.mongodb_url is None
    here = {"collect": hot_is_here, "process": hot_is_here or warm_is_here}
    for duty, is_here in here.items():
        if settings.storage == "embedded" and is_here and settings.role in {duty, "all"}:
            stack.enter_context(owned(settings.data_dir, duty))
    return stack


def _listener(settings: Settings) -> AbstractContextManager[socket | None]:
    serves = settings.role in {"serve", "all"}
    return bound_for_readers(settings.host, settings.port) if serves else nullcontext()
