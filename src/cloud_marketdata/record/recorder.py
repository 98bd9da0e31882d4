"""Record a venue: the fleet of a service, with taps before its links and segments behind them."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from msgspec import Struct

from cloud_marketdata.collectors.base import Ask, BaseCollector
from cloud_marketdata.collectors.connection.fleet import Fleet
from cloud_marketdata.collectors.connection.gear import Gear, no_repair
from cloud_marketdata.collectors.connection.transport import Connect, connector
from cloud_marketdata.collectors.lanes.desk import Desks
from cloud_marketdata.collectors.lanes.rulers import Rulers
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import Address, breaker_of
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.record.intake import RecordingIntake, RecordingRest
from cloud_marketdata.record.names import plain, present
from cloud_marketdata.record.packing import Packer
from cloud_marketdata.record.relay import Relay
from cloud_marketdata.record.segments import Rotation, Segments
from cloud_marketdata.record.tap import tapped
from cloud_marketdata.storage.ports import Batch, BookView


class Recording(Struct, frozen=True):
    """What to record: a venue, its symbols, a folder, and for how long (None: until stopped)."""

    venue: Venue
    symbols: tuple[str, ...]
    folder: Path
    rotation: Rotation
    seconds: float | None = None


class Nowhere:
    """A sink without a log: a recorder keeps frames, not events."""

    def submit(
        self,
        batches: Iterable[Batch],
        views: Iterable[BookView] = (),
        refined: Iterable[Instrument] = (),
    ) -> None:
        """Let go."""

    def when_full(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Never full."""


class Recorder:
    """One recording from start to report."""

    def __init__(
        self, recording: Recording, settings: Settings, clock: Clock, random: Random
    ) -> None:
        """Make the first segment; raises BadRequestError where it cannot be made."""
        self._what = recording
        # Twins would be written one after the other, so the second could only wait.
        self._settings = settings.model_copy(update={"hot_hot": False})
        self._clock = clock
        self._random = random
        self._packer = Packer()
        self._segments = Segments(
            recording.folder, recording.venue, recording.rotation, clock, self._packer
        )
        self._rejections = Rejections()
        self._desks = Desks(recording.venue)
        self._relays: dict[str, Relay] = {}

    async def run(self) -> dict[str, object]:
        """Record until the time is over, and report.

        Cancelling is the way to stop a recording without an end. Raises StorageError when the disk
        refused.
        """
        live = self._what.folder / str(self._segments.last)
        leftovers = plain(self._what.folder, self._what.venue)
        leftovers.remove(live)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._packer.run(leftovers))
            try:
                fleet = await self._collect()
            finally:
                self._segments.close()
                self._packer.end()
        if self._segments.error:
            raise StorageError(self._segments.error)
        return self._report(fleet)

    async def _collect(self) -> Fleet:
        venue, settings, clock = self._what.venue, self._settings, self._clock
        endpoint = settings.endpoints[venue]
        async with Address(endpoint.rest, VENUES[venue].limits, settings, clock).open() as rest:
            fleet = Fleet(endpoint.ws, self._intake, self._gear(rest, connector(clock)))
            fleet.add(self._what.symbols)
            await self._run(fleet)
        return fleet

    async def _run(self, fleet: Fleet) -> None:
        try:
            async with asyncio.timeout(self._what.seconds), asyncio.TaskGroup() as group:
                running = group.create_task(fleet.run())
                await self._segments.failed.wait()
                running.cancel()
        except (TimeoutError, asyncio.CancelledError):
            # Both are ways to say that it is enough; what was received is in the segments.
            return

    def _gear(self, rest: Rest, connect: Connect) -> Gear:
        return Gear(
            connect=tapped(connect, self._relay),
            rest=RecordingRest(rest, self._books(), self._segments, self._clock),
            sink=Nowhere(),
            repair=no_repair,
            breaker=breaker_of(self._settings, self._clock),
            settings=self._settings,
            clock=self._clock,
            random=self._random,
        )

    def _relay(self, name: str) -> Relay:
        return self._relays.setdefault(name, Relay(self._segments.write))

    def _books(self) -> dict[Ask, str]:
        collector = self._collector()
        if collector.books.rule.snapshot_in_stream:
            return {}
        return {collector.snapshot_ask(symbol): symbol for symbol in self._what.symbols}

    def _intake(self) -> RecordingIntake:
        return RecordingIntake(self._collector(), self._desks, self._rejections, self._clock)

    def _collector(self) -> BaseCollector:
        venue = self._what.venue
        rulers = (Rulers(venue, infer=True), Rulers(venue, infer=True))
        return VENUES[venue](*rulers, self._settings.binance_trade_stream)

    def _report(self, fleet: Fleet) -> dict[str, object]:
        segments, folder = self._segments, self._what.folder
        paths = present(folder, self._what.venue)
        return {
            # Somebody may have taken them away meanwhile.
            "first": str(paths.get(segments.first, folder / str(segments.first))),
            "last": str(paths.get(segments.last, folder / str(segments.last))),
            "segments": segments.made,
            "packed": self._packer.packed,
            "left_plain": self._packer.left_plain,
            "frames": segments.frames,
            "left_out": segments.left_out,
            "forgotten": sum(relay.forgotten for relay in self._relays.values()),
            "reconnects": sum(session.reconnects for session in fleet.sessions),
            "rotations": sum(session.rotations for session in fleet.sessions),
            "rejected": {why: count for (_, why), count in self._rejections.total.items()},
        }
