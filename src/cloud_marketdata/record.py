"""Raw frames to a file, as they came, by the same sessions that feed a service.

One file per start, never one that exists; each frame is handed to the kernel at once, so a killed
recorder loses nothing it had received. The file replays.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Self
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from cloud_marketdata.collectors.address import Address, breaker_of
from cloud_marketdata.collectors.base import Ask, BaseCollector
from cloud_marketdata.collectors.desk import Desks
from cloud_marketdata.collectors.fleet import Fleet
from cloud_marketdata.collectors.gear import Gear, no_repair
from cloud_marketdata.collectors.intake import Intake
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest import Rest
from cloud_marketdata.collectors.rulers import Rulers
from cloud_marketdata.collectors.transport import connector
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.storage.ports import Batch, BookView


class Recording(Struct, frozen=True):
    """What to record: a venue, its symbols, a folder, and for how long (None: until stopped)."""

    venue: Venue
    symbols: tuple[str, ...]
    folder: Path
    seconds: float | None = None


class Segment:
    """One capture file, append-only; `frames` counts its lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: a line is with the kernel when write returns. "x": never an older file.
        self._file = path.open("xb", buffering=0)

    def write(self, payload: bytes, received_at: int) -> None:
        """Append one frame as one line."""
        self._file.write(b"%d %s\n" % (received_at, payload.replace(b"\n", b" ")))
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class RecordingIntake(Intake):
    """An intake that keeps every frame before anything else is done with it."""

    def __init__(self, segment: Segment, collector: BaseCollector, rejections: Rejections) -> None:
        super().__init__(collector, Desks(collector.venue), rejections)
        self._segment = segment

    def receive_all(self, payloads: Sequence[bytes], received_at: int) -> None:
        """See Intake."""
        for payload in payloads:
            self._segment.write(payload, received_at)
        super().receive_all(payloads, received_at)


class RecordingRest:
    """A Rest that keeps book snapshots, which a replay needs."""

    def __init__(self, rest: Rest, segment: Segment, clock: Clock) -> None:
        self._rest = rest
        self._segment = segment
        self._clock = clock

    async def get(self, ask: Ask) -> bytes:
        """See Rest."""
        body = await self._rest.get(ask)
        if body.startswith(b'{"lastUpdateId"'):
            # The body does not say whose book it is; the question did.
            symbol = parse_qs(urlsplit(ask.path).query)["symbol"][0]
            named = body.rstrip()[:-1] + b',"s":"%s"}' % symbol.encode()
            self._segment.write(named, self._clock.now())
        return body


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


async def record(
    recording: Recording, settings: Settings, clock: Clock, random: Random
) -> dict[str, object]:
    """Record until the time is over; raises BadRequestError where the file cannot be made.

    Cancelling is the way to stop a recording without an end.
    """
    moment = datetime.fromtimestamp(clock.now() // NS_PER_S, UTC)
    path = recording.folder / f"{recording.venue}_{moment:%Y%m%dT%H%M%SZ}.capture"
    rejections = Rejections()
    endpoint = settings.endpoints[recording.venue]
    try:
        segment = Segment(path)
    except OSError as error:
        msg = f"cannot record to {path}: {error.strerror}"
        raise BadRequestError(msg) from error

    def make_intake() -> Intake:
        rulers = (Rulers(recording.venue, infer=True), Rulers(recording.venue, infer=True))
        collector = VENUES[recording.venue](*rulers, settings.binance_trade_stream)
        return RecordingIntake(segment, collector, rejections)

    with segment:
        limits = VENUES[recording.venue].limits
        async with Address(endpoint.rest, limits, settings, clock).open() as rest:
            gear = Gear(
                connect=connector(clock),
                rest=RecordingRest(rest, segment, clock),
                sink=Nowhere(),
                repair=no_repair,
                breaker=breaker_of(settings, clock),
                settings=settings,
                clock=clock,
                random=random,
            )
            fleet = Fleet(endpoint.ws, make_intake, gear)
            fleet.add(recording.symbols)
            await _run(fleet, recording.seconds)
    return {
        "file": str(path),
        "frames": segment.frames,
        "reconnects": sum(session.reconnects for session in fleet.sessions),
        "rejected": {reason: count for (_, reason), count in rejections.total.items()},
    }


async def _run(fleet: Fleet, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await fleet.run()
    except (TimeoutError, asyncio.CancelledError):
        # Both are ways to say that it is enough; what was received is in the file.
        return
