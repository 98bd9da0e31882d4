"""A client's line below its messages: uvicorn's WebSocket protocol, with an ear and a switch.

It tells of pings and pongs, which an application never sees, and it can go deaf: the socket stays
open, but nothing that comes in is read any more, so that not even a ping is answered.
"""

from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

LINE: Final = "line"


def _unheard() -> None:
    pass


class Line(WebSocketsSansIOProtocol):
    """The protocol of one socket; the application finds it in `scope["state"]["line"]`."""

    deaf = False
    on_control: Callable[[], None] = staticmethod(_unheard)

    def handle_connect(self, event: Request) -> None:
        """Let the application find this line."""
        super().handle_connect(event)
        if self.response.status_code == 101:  # noqa: PLR2004 - switching protocols
            self.scope["state"][LINE] = self

    async def send(self, message: Any) -> None:  # noqa: ANN401 - any ASGI message
        """Send; a connection attempt that was answered with an error is finished by that."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # Otherwise the base class takes the refusal for a fault of the application and says so.
            self.handshake_complete = True

    def data_received(self, data: bytes) -> None:
        """Read what came, unless deaf."""
        if not self.deaf:
            super().data_received(data)

    def handle_ping(self) -> None:
        """Answer a ping and tell of it."""
        self.on_control()
        super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong and tell of it."""
        self.on_control()
        super().handle_pong(event)

    def deafen(self) -> None:
        """Read no more, and ask no more whether the client is there."""
        self.deaf = True
        self.stop_keepalive()

    def abort(self) -> None:
        """Let go of the socket without a word."""
        self.transport.abort()
