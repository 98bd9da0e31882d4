"""HTTP servers inside somebody else's event loop: bound first, and deaf to signals.

A guest serves whoever is on this machine. The public one has a door: connections are counted and
bounded, each has to say in time what it wants, and TLS may stand before it all.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.core.http.door import Door
from cloud_marketdata.core.http.http1 import Http1
from cloud_marketdata.core.http.http2 import Http2
from cloud_marketdata.core.http.listening import Listening

_LAST_PORT: Final = 65_535
_SEND_BUFFER: Final = 64 * 1024
"""What the kernel keeps for a reader that lags: with megabytes, a live stream would be old."""
_GIVE_UP_MS: Final = 30_000
"""After how long the kernel drops a connection whose peer takes or acknowledges nothing."""


class GuestServer(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class PublicServer(GuestServer):
    """A guest that anybody may call: HTTP/1.1 and WebSocket, over TLS also HTTP/2.

    config: the application and how it is served; its TLS and its choice of a protocol are not used.
    tls: what is shown to clients, or None where they speak without TLS.
    """

    def __init__(self, config: uvicorn.Config, door: Door, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._door = door
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on sockets that are bound already."""
        await self.lifespan.startup()
        bound = sockets or []
        listening = [Listening(one, self._door, self._tls, self._speaking) for one in bound]
        self.servers = listening  # type: ignore[assignment] # only close() and wait_closed() matter
        self.started = True

    def _speaking(self, agreed: str | None, leave: Callable[[], None]) -> Http1 | Http2:
        speak = Http2 if agreed == "h2" else Http1
        state = self.lifespan.state
        return speak(self.config, self.server_state, state, self._door, leave)


def bound(host: str, port: int) -> socket.socket:
    """Listen on an address; raises BadRequestError where that cannot be."""
    if not 0 <= port <= _LAST_PORT:
        msg = f"port {port} is not between 0 and {_LAST_PORT}"
        raise BadRequestError(msg)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        msg = f"port {port} of {host} cannot be used: {error}"
        raise BadRequestError(msg) from error


def bound_for_readers(host: str, port: int) -> socket.socket:
    """Listen as `bound` does, for clients of which some read slowly or not at all.

    Little is kept for them in the kernel, and a connection that takes nothing is dropped in the
    end, also where its process has closed it and only unread data keep it.
    """
    listener = bound(host, port)
    # Every connection that is accepted inherits both.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GIVE_UP_MS)
    return listener
