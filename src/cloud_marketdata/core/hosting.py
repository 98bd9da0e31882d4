"""HTTP servers inside somebody else's event loop: bound first, and deaf to signals."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from cloud_marketdata.core.errors import BadRequestError

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
