"""The production path, whole: socket, session, decode, validate, deduplicate, log.

Nothing stands in for anything but the book snapshots, of which trades need none. A trade counts
when the log has acknowledged the append that holds it.
"""

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, cast

from msgspec.structs import replace

from cloud_marketdata.bench.meter import Cost, Meter
from cloud_marketdata.bench.target import STALL_S, Target
from cloud_marketdata.collectors.base import Ask, Connection
from cloud_marketdata.collectors.connection.gear import Gear, no_repair
from cloud_marketdata.collectors.connection.session import Session
from cloud_marketdata.collectors.connection.transport import Receiver, Transport, connector
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import breaker_of
from cloud_marketdata.collectors.venues.binance_spot import BinanceSpotCollector
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.deployment import Deployment, open_stores
from cloud_marketdata.storage.ports import Batch, EventLog, StreamKind


class _CountingLog:
    """A log that counts the trades it has acknowledged, and tells when they are all there."""

    def __init__(self, log: EventLog, count: int) -> None:
        self.trades = 0
        self.done: asyncio.Future[VenueError | None] = asyncio.get_running_loop().create_future()
        self._log = log
        self._count = count

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  the log's own methods
        return getattr(self._log, name)

    async def append(self, batches: Sequence[Batch]) -> list[int]:
        """See EventLog."""
        positions = await self._log.append(batches)
        kinds = StreamKind.TRADES
        self.trades += sum(len(events) for stream, events, _ in batches if stream.kind is kinds)
        if self.trades >= self._count:
            self.end(None)
        elif any(map(_says_goodbye, batches)):
            self.end(VenueError(f"the server closed after {self.trades} trades"))
        return positions

    def end(self, error: VenueError | None) -> None:
        """Let `done` tell how the run ended; only the first end counts."""
        if not self.done.done():
            self.done.set_result(error)


class _Gauge:
    """Opens connections whose first message the meter notes; a refused one ends the run."""

    def __init__(self, meter: Meter, clock: Clock, log: _CountingLog) -> None:
        self._meter = meter
        self._connect = connector(clock)
        self._log = log

    async def connect(self, url: str, receiver: Receiver) -> Transport:
        """See transport.Connect."""
        self._meter.open()
        try:
            return await self._connect(url, _FirstRead(receiver, self._meter))
        except VenueError as error:
            self._log.end(error)
            raise


class _FirstRead:
    """A receiver that costs nothing a message."""

    def __init__(self, receiver: Receiver, meter: Meter) -> None:
        self.message = receiver.message
        self.ponged = receiver.ponged
        self._read_done = receiver.read_done
        self._meter = meter

    def read_done(self) -> None:
        """See Receiver."""
        self._meter.first()
        self._read_done()


class _NoRest:
    """No book is collected, so nobody asks."""

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        raise VenueError(ask.path)


async def ingest(target: Target, settings: Settings, clock: Clock, random: Random) -> Cost:
    """Collect the trades of a server into the log that the settings name.

    Raises VenueError where it cannot be reached, closes early or sends too little.
    """
    async with open_stores(Deployment(settings, clock, random, appends=True)) as stores:
        log = _CountingLog(stores.log, target.count)
        meter, rejections = Meter(clock), Rejections()
        writer = LogWriter(
            replace(stores, log=cast("EventLog", log)),
            rejections,
            clock,
            events_max=settings.queue_batches * settings.batch_events,
        )
        session = Session(
            Connection("bench", "", (target.topic,)),
            target.address,
            _intakes(rejections),
            Gear(
                connect=_Gauge(meter, clock, log).connect,
                rest=_NoRest(),
                sink=writer,
                repair=no_repair,
                breaker=breaker_of(settings, clock),
                settings=settings,
                clock=clock,
                random=random,
            ),
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            writing = group.create_task(writer.run())
            await asyncio.wait([log.done], timeout=STALL_S)
            cost = meter.cost(log.trades)
            running.cancel()
            writer.close()
            await writing
    log.end(VenueError(f"only {log.trades} trades in {STALL_S:.0f} s"))
    if error := log.done.result():
        raise error
    return cost


def _intakes(rejections: Rejections) -> Callable[[], Intake]:
    venue = Venue.BINANCE_SPOT
    rulers = Rulers(venue, infer=True), Rulers(venue, infer=True)
    desks = Desks(venue)
    return lambda: Intake(BinanceSpotCollector(*rulers, "trade"), desks, rejections)


def _says_goodbye(batch: Batch) -> bool:
    return batch.stream.kind is StreamKind.STATUS and any(
        isinstance(event, StatusEvent) and event.kind is StatusKind.DISCONNECTED
        for event in batch.events
    )
