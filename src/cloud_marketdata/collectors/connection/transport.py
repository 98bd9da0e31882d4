"""The socket: picows underneath, whole messages and a receive stamp on top.

Server pings are answered and fragments joined here; ours are the library's, and a peer that does
not answer them has its connection ended.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.security.tls.client import client_context

_FRAME_MAX: Final = 16 * 1024 * 1024
_IDLE_S: Final = 10.0
_REPLY_S: Final = 10.0
_TEXT: Final = WSMsgType.TEXT
_DATA: Final = frozenset({_TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION})


class Receiver(Protocol):
    """Who gets the messages."""

    def message(self, payload: bytes, received_at: int) -> None:
        """Take one whole message."""
        ...

    def read_done(self) -> None:
        """Note that everything one read brought has been handed over."""
        ...

    def ponged(self) -> None:
        """Note that a pong was sent, which venues count as one of our messages."""
        ...


class Transport(Protocol):
    """An open connection."""

    def send(self, payload: bytes) -> None:
        """Send one text message."""
        ...

    def pause(self) -> None:
        """Stop reading; what the venue sends waits in the kernel."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...

    def close(self) -> None:
        """Say goodbye and close."""
        ...

    async def closed(self) -> None:
        """Return when the connection is gone; raises VenueError on a broken protocol."""
        ...


Connect = Callable[[str, Receiver], Awaitable[Transport]]


def connector(clock: Clock, tls: ssl.SSLContext | None = None) -> Connect:
    """Return the function that opens real sockets, stamping messages by `clock`.

    tls: whom to believe of those who answer `wss://`; by default the system's own authorities.
    """

    async def connect(url: str, receiver: Receiver) -> Transport:
        try:
            socket, listener = await ws_connect(
                lambda: _Listener(receiver, clock),
                url,
                ssl_context=tls or client_context(),
                max_frame_size=_FRAME_MAX,
                # A peer that died without a word answers no ping, so the connection ends here.
                enable_auto_ping=True,
                auto_ping_idle_timeout=_IDLE_S,
                auto_ping_reply_timeout=_REPLY_S,
                # The library would answer pings without telling us that the read is over.
                enable_auto_pong=False,
            )
        except (OSError, WSError, TimeoutError, asyncio.IncompleteReadError) as error:
            msg = f"cannot connect to {url}: {str(error) or type(error).__name__}"
            raise VenueError(msg) from error
        if listener is None:
            # The library does not call it a failure when the peer hangs up amid the handshake.
            msg = f"cannot connect to {url}: closed before the upgrade"
            raise VenueError(msg)
        return _PicowsTransport(socket)

    return connect


class _Listener(WSListener):
    def __init__(self, receiver: Receiver, clock: Clock) -> None:
        self._message = receiver.message
        self._read_done = receiver.read_done
        self._ponged = receiver.ponged
        self._now = clock.now
        self._parts: list[bytes] = []

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is _TEXT and frame.fin:
            self._message(frame.get_payload_as_bytes(), self._now())
        elif frame.msg_type in _DATA:
            self._join(frame)
        elif frame.msg_type is WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self._ponged()
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        if frame.last_in_buffer:
            self._read_done()

    def _join(self, frame: WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole, self._parts = b"".join(self._parts), []
            self._message(whole, self._now())


class _PicowsTransport:
    def __init__(self, socket: WSTransport) -> None:
        self._socket = socket

    def send(self, payload: bytes) -> None:
        self._socket.send(WSMsgType.TEXT, payload)

    def pause(self) -> None:
        self._socket.underlying_transport.pause_reading()

    def resume(self) -> None:
        self._socket.underlying_transport.resume_reading()

    def close(self) -> None:
        self._socket.disconnect()

    async def closed(self) -> None:
        try:
            await self._socket.wait_disconnected()
        except WSError as error:
            msg = f"the venue broke the protocol: {error}"
            raise VenueError(msg) from error
