"""One client's socket, and who asked for which stream.

Frames leave whole and in the order they were given: a connection takes one writer at a time, and a
writer waits while the client's buffer is full. Nothing is dropped for a slow client.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from starlette.types import Receive, Send


class Connection:
    """A client's socket; `send` raises OSError once the client is gone."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = asyncio.Lock()

    @property
    def turn(self) -> AbstractAsyncContextManager[None]:
        """The right to write; what is sent inside one turn is not mixed with other frames."""
        return self._lock

    async def send(self, payload: bytes) -> None:
        """Send one frame; call it inside a turn."""
        await self._send({"type": "websocket.send", "text": payload.decode()})


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
        wanting = self._by_stream.get(stream, {})
        wanting.pop(connection, None)
        if not wanting:
            self._by_stream.pop(stream, None)

    def drop(self, connection: Client) -> None:
        """Take all streams from a connection that is gone."""
        for stream in list(self._by_stream):
            self.remove(stream, connection)


async def accept(receive: Receive, send: Send) -> bool:
    """Accept a WebSocket client; False where it left before."""
    if (await receive())["type"] != "websocket.connect":
        return False
    await send({"type": "websocket.accept"})
    return True


async def texts(receive: Receive) -> AsyncIterator[str]:
    """Yield what an accepted client says, until it leaves."""
    while (message := await receive())["type"] != "websocket.disconnect":
        text: str | None = message.get("text")
        yield message["bytes"].decode(errors="replace") if text is None else text
