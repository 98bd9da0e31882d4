"""The composition root: it builds a process of its parts, supervises them and stops them.

Start: stores, audit, writer, feeds, workers, API. Stop is in the direction of the data: requests
are answered, sockets close, the writer drains into the log, the workers save what is in the log,
the audit log ends, the stores close. It has an end, see `core.stopping`.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import date
from functools import partial
from random import Random, SystemRandom
from socket import socket
from typing import Final

import structlog

from cloud_marketdata import __version__
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import addresses_of
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.clock import Clock, SystemClock
from cloud_marketdata.core.config import Settings, goes_in_the_clear, is_loopback
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.hosting import bound_for_readers
from cloud_marketdata.core.reload import Reload
from cloud_marketdata.core.stopping import Step, Stopping
from cloud_marketdata.core.supervisor import supervised
from cloud_marketdata.core.telemetry.metric import Measured
from cloud_marketdata.core.tracing import tracing
from cloud_marketdata.guarding import Guarding
from cloud_marketdata.roles.collecting import Collecting
from cloud_marketdata.roles.part import Part
from cloud_marketdata.roles.processing import Processing
from cloud_marketdata.roles.serving import Serving
from cloud_marketdata.roles.watched import Watched
from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.log import AuditLog
from cloud_marketdata.storage.deployment import Deployment, open_cold, open_stores
from cloud_marketdata.storage.embedded.ownership import owned
from cloud_marketdata.storage.memory.quotas import MemoryQuotas
from cloud_marketdata.storage.objects.verify import Report, verify
from cloud_marketdata.storage.ports import Stores

_LIVE: Final = ("symbols", "discover")
"""Settings that change while a process collects; all others want a restart."""


Reached = Callable[[Step], None]


def _unheard(_step: Step) -> None:
    """Tell nobody how far a stop has come."""


class Service:
    """Everything one process runs, according to its role; a role that it has not is None."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        clock: Clock,
        random: Random,
        told_too: Sequence[Measured] = (),
    ) -> None:
        self.settings = settings
        self.collecting: Collecting | None = None
        self.processing: Processing | None = None
        self.serving: Serving | None = None
        self.guarding: Guarding | None = None
        self.audit = AuditLog(settings, stores.objects, clock, random)
        self._clock = clock
        self._random = random
        rejections = Rejections()
        limits = {venue: collector.limits for venue, collector in VENUES.items()}
        addresses = addresses_of(settings, limits, clock)
        if self._does("collect"):
            self.collecting = Collecting(stores, addresses, rejections, settings, clock, random)
        if self._does("process"):
            self.processing = Processing(stores, addresses, rejections, settings, clock, random)
        if self._does("serve") or settings.ops_port is not None:
            local = MemoryQuotas(clock)
            self.guarding = Guarding(stores, local, settings, clock, random, self.audit)
            if self._does("serve"):
                self.serving = Serving(stores, self.guarding, settings, clock, random)
        roles = (self.collecting, self.guarding, self.serving, self.processing)
        running = [role for role in roles if role is not None]
        self.components: list[Component] = [*stores.pulses, self.audit]
        for role in running:
            self.components += role.components
        of_roles = (one for role in running for one in role.measured)
        measured = [*told_too, rejections, *of_roles]
        self.operations = Operations(self.components, settings, clock, measured)
        self._watched = (
            Watched(self.operations, self.guarding, settings, clock)
            if self.guarding and not self.serving
            else None
        )
        self._parts: list[Part] = [
            *self.operations.parts,
            *(part for role in running for part in role.parts),
        ]
        self.operations.recovery.supervises(["audit", *(name for name, _ in self._parts)])

    async def run(
        self, stopped: asyncio.Event, listener: socket | None, reached: Reached = _unheard
    ) -> bool:
        """Run until `stopped` is set; the API answers on `listener`, where there is one.

        `reached` is told the steps of the stop. False where not all that was collected is stored.
        """
        async with asyncio.TaskGroup() as group:
            remembering = group.create_task(self._kept_running("audit", self.audit.run))
            self._note("service.start")
            writing = group.create_task(self.collecting.writer.run()) if self.collecting else None
            tasks = [group.create_task(self._kept_running(*part)) for part in self._parts]
            answering = group.create_task(self._answer(listener)) if listener else None
            await stopped.wait()
            await self._leave(answering, reached)
            reached("feeds")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            whole = await self._finish(writing, reached)
            if self._watched and answering:
                self._watched.stop()
                await answering
            reached("audit")
            self._note("service.stop")
            self.audit.close()
            await remembering
        reached("stores")
        structlog.get_logger().info("service.stopped", whole=whole)
        return whole

    async def _leave(self, answering: asyncio.Task[None] | None, reached: Reached) -> None:
        """Have others take over while all parts still run: who asks, and who collects."""
        self.operations.readiness.stopping()
        reached("requests")
        if self.serving and answering:
            await self._clock.sleep(self.settings.stop_notice_s)
            self.serving.stop()
            await answering
        reached("handover")
        if self.collecting:
            await self.collecting.hand_over()

    async def _finish(self, writing: asyncio.Task[None] | None, reached: Reached) -> bool:
        """Bring what was collected into the log, and what is in the log into the aggregates."""
        reached("log")
        if self.collecting and writing and not await self.collecting.end(writing):
            return False
        reached("aggregates")
        if self.processing:
            await self.processing.finish()
        return True

    async def _kept_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        await supervised(name, run, self._clock, self._random, self.operations.recovery.died)

    async def _answer(self, listener: socket) -> None:
        """Serve; or where that is not done here, tell how this process is, until its very end."""
        if self.serving:
            rosters = self.collecting.rosters if self.collecting else {}
            await self.serving.serve(listener, self.operations, rosters)
        elif self._watched:
            await self._watched.serve(listener)

    def _note(self, action: str) -> None:
        self.audit.record(AuditEvent(action, "system", "ok", owner="service"))

    def reloading(self, reread: Callable[[], Settings]) -> asyncio.Event:
        """Have the settings read again while it runs, whenever the returned event is set."""
        live = _LIVE if self.collecting else ()
        reload = Reload(self.settings, reread, live=live, apply=self._reconfigure)
        self._parts.append(("reload", reload.run))
        return reload.asked

    def _reconfigure(self, settings: Settings) -> None:
        self._note("service.reload")
        if self.guarding and self.guarding.certificates:
            self.guarding.certificates.look()
        if self.collecting:
            self.collecting.configure(settings)

    def _does(self, role: str) -> bool:
        return self.settings.role in {role, "all"}


async def verify_objects(settings: Settings, day: date, *, whole: bool) -> Report:
    """Verify a day in the cold tier, or with `whole` also every day before it."""
    objects, _ = await asyncio.to_thread(open_cold, settings)
    return await verify(objects, day, whole=whole)


async def run_service(
    settings: Settings,
    ready: Callable[[int], None],
    reread: Callable[[], Settings] | None = None,
) -> bool:
    """Run one process until SIGINT or SIGTERM; where it can `reread`, SIGHUP makes it do so.

    False where not all that was collected is stored. A second signal ends the process at once, and
    so does a stop that takes longer than `stop_timeout_s`.
    """
    clock = SystemClock()
    stopped = asyncio.Event()
    stopping = Stopping(settings.stop_timeout_s)
    _stop_on_signals(stopped, stopping)
    asked = asyncio.Event()
    if reread:
        # From here on: a reload that comes while the stores open is kept for later.
        _on_signals(asked.set, signal.SIGHUP)
    _warn_of_open_ends(settings)
    # The port first: where it is taken nothing else shall have started.
    with (
        tracing(settings.traces, __version__, settings.role) as spans,
        _listener(settings) as listener,
        _ownership(settings),
    ):
        random = SystemRandom()
        appends = settings.role in {"collect", "all"}
        async with open_stores(Deployment(settings, clock, random, appends=appends)) as stores:
            service = Service(settings, stores, clock, random, [spans])
            if reread:
                reload = service.reloading(reread)
                _on_signals(reload.set, signal.SIGHUP)
                if asked.is_set():
                    reload.set()
            if listener:
                ready(listener.getsockname()[1])
            return await service.run(stopped, listener, stopping.reached)


def _warn_of_open_ends(settings: Settings) -> None:
    """Say at each start what goes over a network without keys or without TLS."""
    log = structlog.get_logger()
    if settings.allow_open_bind and not is_loopback(settings.host):
        tls = settings.tls_certificate is not None
        log.warning("service.open_bind", host=settings.host, keys=settings.asks_for_keys, tls=tls)
    for name, url in (("redis_url", settings.redis_url), ("mongodb_url", settings.mongodb_url)):
        if url is not None and goes_in_the_clear(url.get_secret_value()):
            log.warning("service.store_without_tls", setting=name)


def _stop_on_signals(stopped: asyncio.Event, stopping: Stopping) -> None:
    """Have the first signal begin a stop, and the second one end the process."""

    def heard(number: signal.Signals) -> None:
        if stopping.leaving:
            stopping.force(number)
        else:
            stopping.begin()
            stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        _on_signals(partial(heard, number), number)


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
    port = settings.port if serves else settings.ops_port
    return nullcontext() if port is None else bound_for_readers(settings.host, port)
