"""One client's socket, and who asked for which stream.

Frames leave whole and in the order they were given: a connection takes one writer at a time, and a
writer waits while the client's buffer is full. Nothing is dropped for a slow client. A line that is
held keeps the order too: what comes later waits behind what is late.
"""

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from typing import Final, Generic, NamedTuple, TypeVar

from starlette.types import Send

from cloud_marketdata.simulator.line import Line

# More frames than this are not kept behind a late one: the client is cut, as venues do.
MOST_LATE: Final = 10_000
MOST_HEARD: Final = 64
GOING_AWAY: Final = 1001
POLICY: Final = 1008
PATIENCE_S: Final = 1.0


class Connection:
    """A client's socket; `send` raises OSError once the client is gone.

    number: its place in the order of arrival, from 1. since: when it came, on the clock that never
    steps. heard: when it last spoke, pings and pongs included. silenced: streams that are not
    brought any more. deaf: open, but neither reading nor writing. overrun: too much waited in it.
    """

    def __init__(self, send: Send) -> None:
        self.number = 0
        self.since = 0.0
        self.heard: deque[float] = deque(maxlen=MOST_HEARD)
        self.silenced: set[str] = set()
        self.deaf = False
        self.overrun = False
        self.line: Line | None = None
        self._closed = False
        self._send = send
        self._lock = asyncio.Lock()
        self._late: deque[bytes] = deque()
        self._until: float | None = None

    @property
    def turn(self) -> AbstractAsyncContextManager[None]:
        """The right to write; what is sent inside one turn is not mixed with other frames."""
        return self._lock

    @property
    def held(self) -> bool:
        """Whether frames wait for their time."""
        return self._until is not None

    async def send(self, payload: bytes) -> None:
        """Send one frame, or keep it behind those that are late; call it inside a turn."""
        if self._until is None:
            await self._transmit(payload)
        elif len(self._late) < MOST_LATE:
            self._late.append(payload)
        else:
            self.overrun = True
            await self.close(POLICY)
            raise ConnectionResetError

    def hold(self, until: float) -> None:
        """Keep everything from now on back until a moment."""
        self._until = max(until, self._until or until)

    async def release(self, now: float) -> None:
        """Send what was held, if its moment has come."""
        async with self.turn:
            if self._until is None or now < self._until:
                return
            while self._late:
                await self._transmit(self._late.popleft())
            self._until = None

    async def close(self, code: int = GOING_AWAY) -> None:
        """Close the socket; one that does not even take the closing frame is let go of."""
        self._closed = True
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._send({"type": "websocket.close", "code": code})
        except TimeoutError:
            if self.line:
                self.line.abort()
        except (OSError, RuntimeError):
            return

    def deafen(self) -> None:
        """Leave the socket open and do nothing with it any more."""
        self.deaf = True
        if self.line:
            self.line.deafen()

    def farewell(self, ms: int) -> bytes | None:
        """Return the message that tells the client of a shutdown, if the venue has one."""
        del ms
        return None

    async def _transmit(self, payload: bytes) -> None:
        if self.deaf:
            return
        try:
            await self._send({"type": "websocket.send", "text": payload.decode()})
        except RuntimeError:
            # A socket that has been closed refuses further frames, as one that is gone.
            if not self._closed:
                raise
            raise ConnectionResetError from None


class Delivery(NamedTuple):
    """A message on its way: to whom, under which stream's name, and its bytes."""

    connection: Connection
    stream: str
    payload: bytes


Client = TypeVar("Client", bound=Connection)


class Subscriptions(Generic[Client]):
    """Which connections want which stream; `changed` is set whenever one is added."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._by_stream: dict[str, dict[Client, None]] = {}

    def __contains__(self, stream: str) -> bool:
        return stream in self._by_stream

    def of(self, stream: str) -> tuple[Client, ...]:
        """Return the connections that want a stream, in the order they came."""
        found = self._by_stream.get(stream)
        return tuple(found) if found else ()

    def add(self, stream: str, connection: Client) -> None:
        """Let a connection have a stream."""
        self._by_stream.setdefault(stream, {})[connection] = None
        self.changed.set()

    def remove(self, stream: str, connection: Client) -> None:
        """Take a stream from a connection; one it never had is ignored."""
        connection.silenced.discard(stream)
        wanting = self._by_stream.get(stream, {})
        wanting.pop(connection, None)
        if not wanting:
            self._by_stream.pop(stream, None)

    def drop(self, connection: Client) -> None:
        """Take all streams from a connection that is gone."""
        for stream in list(self._by_stream):
            self.remove(stream, connection)
