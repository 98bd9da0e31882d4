"""A clock that the test moves, and connections that the test holds: a network in virtual time."""

import asyncio
import heapq
from itertools import count

from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import NS_PER_S

NOW = 1_723_161_300 * NS_PER_S


async def turns(number: int = 20) -> None:
    """Let everybody else run for a while."""
    for _ in range(number):
        await asyncio.sleep(0)


class VirtualClock:
    """Sleepers wake in the order of their times, when the test moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> int:
        """Nanoseconds of the tape's own time."""
        return NOW + round(self.seconds * NS_PER_S)

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep until the test has moved that far."""
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.seconds + seconds, next(self._order), woken))
        await woken.wait()

    async def move(self, seconds: float) -> None:
        """Let time pass, sleeper by sleeper."""
        end = self.seconds + seconds
        await turns()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.seconds, _, woken = heapq.heappop(self._sleepers)
            woken.set()
            await turns(8)
        self.seconds = end


class Wire:
    """One connection as its venue sees it; the test sends frames and ends it."""

    def __init__(self, url: str, receiver, clock: VirtualClock) -> None:
        self.url = url
        self.sent: list[bytes] = []
        self.gone = asyncio.Event()
        self._receiver = receiver
        self._clock = clock

    def hear(self, *payloads: bytes) -> None:
        """Bring frames, as one read; nothing is heard after the end."""
        if self.gone.is_set():
            return
        for payload in payloads:
            self._receiver.message(payload, self._clock.now())
        self._receiver.read_done()

    def send(self, payload: bytes) -> None:
        """Remember what was sent."""
        self.sent.append(payload)

    def pause(self) -> None:
        """Nothing is read here."""

    def resume(self) -> None:
        """Nothing is read here."""

    def close(self) -> None:
        """End."""
        self.gone.set()

    async def closed(self) -> None:
        """Return at the end."""
        await self.gone.wait()


class Network:
    """Opens wires, or refuses as long as `refusing`."""

    def __init__(self, clock: VirtualClock) -> None:
        self.wires: list[Wire] = []
        self.attempts = 0
        self.refusing = False
        self._clock = clock

    async def connect(self, url: str, receiver) -> Wire:
        """See transport.Connect."""
        self.attempts += 1
        if self.refusing:
            msg = "refused"
            raise VenueError(msg)
        self.wires.append(Wire(url, receiver, self._clock))
        return self.wires[-1]

    @property
    def open(self) -> list[Wire]:
        """The wires that stand, in the order they were opened."""
        return [wire for wire in self.wires if not wire.gone.is_set()]


class Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.batches = []
        self.views = []
        self.refined = []

    def submit(self, batches, views=(), refined=()) -> None:
        """Keep it."""
        self.refined += refined
        self.batches += batches
        self.views += views

    def when_full(self, pause, resume) -> None:
        """Never full."""

    def of(self, kind) -> list:
        """Return the events of one kind, in order."""
        return [e for stream, events, _ in self.batches if stream.kind is kind for e in events]
