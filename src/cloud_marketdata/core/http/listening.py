"""Takes connections from a listening socket: a place first, then the handshake, then HTTP.

An event loop's own server accepts whatever comes and begins TLS before anybody could count it. Here
a socket without a place is closed before it costs anything, and a handshake that does not end gives
its place back.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Final, Protocol, cast

from cloud_marketdata.core.http.door import Door

_AT_ONCE: Final = 64
_GOODBYE_S: Final = 2.0
"""How long a peer may take to answer the end of TLS; a dead one never does."""
_PAUSE_S: Final = 0.5
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Speaker(Protocol):
    """The protocol of a connection that may speak."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin."""
        ...


Speaking = Callable[[str | None, Callable[[], None]], Speaker]
"""Makes the protocol of a connection, of what TLS has agreed on; it is told how to leave."""


class Listening:
    """Accepts from one socket until it is closed.

    tls: what is shown to clients, or None where they speak without TLS.
    """

    def __init__(
        self, listener: socket.socket, door: Door, tls: ssl.SSLContext | None, speaking: Speaking
    ) -> None:
        self._listener = listener
        self._door = door
        self._tls = tls
        self._speaking = speaking
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)  # noqa: FBT003  its name says it
        self._resume()

    def close(self) -> None:
        """Accept no more, and let go who is amid the handshake."""
        self._loop.remove_reader(self._listener)
        if self._pause is not None:
            self._pause.cancel()
        for task in self._arriving:
            task.cancel()

    async def wait_closed(self) -> None:
        """Return when nobody is amid the handshake."""
        if self._arriving:
            await asyncio.wait(self._arriving)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                arrived, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._door.refused["full"] += 1
                    self._loop.remove_reader(self._listener)
                    self._pause = self._loop.call_later(_PAUSE_S, self._resume)
                    return
            else:
                self._receive(arrived)

    def _receive(self, arrived: socket.socket) -> None:
        if not self._door.enter(arrived, self._loop.time()):
            arrived.close()
            return
        arrived.setblocking(False)  # noqa: FBT003  its name says it
        task = self._loop.create_task(self._lead_in(arrived))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _lead_in(self, arrived: socket.socket) -> None:
        patience_s = None if self._tls is None else self._door.patience_s
        goodbye_s = None if self._tls is None else _GOODBYE_S
        spoken = False
        try:
            await self._loop.connect_accepted_socket(
                lambda: _Arrived(self._speaking, lambda: self._door.leave(arrived)),
                arrived,
                ssl=self._tls,
                ssl_handshake_timeout=patience_s,
                ssl_shutdown_timeout=goodbye_s,
            )
            spoken = True
        except OSError:
            # The root of what TLS and sockets raise, also of a time-out.
            self._door.refused["handshake"] += 1
        finally:
            if not spoken:
                self._door.leave(arrived)


class _Arrived(asyncio.Protocol):
    """Whoever has a connection, until it is known what is spoken on it."""

    def __init__(self, speaking: Speaking, leave: Callable[[], None]) -> None:
        self._speaking = speaking
        self._leave = leave

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give it to what TLS has agreed on."""
        open_ = cast("asyncio.Transport", transport)
        secured = open_.get_extra_info("ssl_object")
        agreed = None if secured is None else secured.selected_alpn_protocol()
        protocol = self._speaking(agreed, self._leave)
        open_.set_protocol(cast("asyncio.Protocol", protocol))
        protocol.connection_made(open_)
