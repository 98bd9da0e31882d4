"""HTTP/1.1 with an end to every wait: a head and a body come in time, and a head is not endless.

uvicorn's own protocol waits for ever for what a client does not say, and keeps headers without
end. The parser is strict as it stands: what two servers might read in two ways is malformed.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Literal

from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from cloud_marketdata.core.http.door import CODES, Door, Refusal

Owed = Literal["head", "body"]
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
"""What announces a body; who wants a WebSocket has none."""
_FIELD_FRAMING: Final = 4
"""The colon, the space and the end of a line of the head."""
_SLOW: Final[dict[Owed, Refusal]] = {"head": "slow_head", "body": "slow_body"}


class _HeadTooLargeError(Exception):
    """More was said before the body than a question needs."""


class Http1(HttpToolsProtocol):
    """One connection; `leave` gives its place back."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        door: Door,
        leave: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._door = door
        self._leave = leave
        self._owed: tuple[int, Owed] | None = (0, "head")
        """What the client has still to say, of which message."""
        self._timed: tuple[int, Owed] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._messages = 0
        self._octets = 0
        self._refusal: Refusal = "malformed"
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._owed = None
        self._wait()
        self._leave()
        for cycle in (self._running, *(waiting for waiting, _ in self.pipeline)):
            # uvicorn remembers the newest alone; the others would write to who has gone.
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, and begin or end a wait."""
        was_owed, messages = self._owed, self._messages
        super().data_received(data)
        if self.transport.is_closing():
            return
        if messages == self._messages:
            if was_owed is None:
                # Something between two requests that begins none: it owes the rest of one.
                self._owed = (messages, "head")
            if self._owed == was_owed == (messages, "head"):
                self._octets += len(data)
        if self._octets > self._door.head.octets:
            self._refuse("head_too_large")
        else:
            self._wait()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._messages += 1
        self._octets = 0
        self._owed = (self._messages, "head")
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address; one too long ends the connection."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head; one too many ends the connection."""
        self._count(len(name) + len(value) + _FIELD_FRAMING)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._owed = (self._messages, "body")
        self._octets = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Owe nothing."""
        self._owed = None
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, where what came is a handshake and nothing beside it."""
        if self.scope["method"] != "GET" or any(name in _FRAMING for name, _ in self.headers):
            # No application has heard of it.
            self._owed = (self._messages, "head")
            self._refuse("malformed")
        else:
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Say why it is turned away, and close; `msg` is the parser's."""
        del msg
        self._refuse(self._refusal)

    def _count(self, octets: int) -> None:
        self._octets += octets
        limits = self._door.head
        if self._octets > limits.octets or len(self.headers) >= limits.fields:
            self._refusal = "head_too_large"
            raise _HeadTooLargeError

    def _wait(self) -> None:
        """Have a timer for what is owed, and none for what is not."""
        if self._timed == self._owed:
            return
        self._timed = self._owed
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._owed is not None:
            patience_s = self._door.patience_s
            self._timer = self.loop.call_later(patience_s, self._refuse, _SLOW[self._owed[1]])

    def _refuse(self, why: Refusal) -> None:
        """Count it, answer where no answer has begun, and close."""
        if self.transport.is_closing():
            return
        self._count_refusal(why)
        answering = self.cycle is not None and not self.cycle.response_complete
        if not (answering and self.cycle.response_started):
            self.transport.write(_ANSWERS[why])
        self.transport.close()

    def _count_refusal(self, why: Refusal) -> None:
        silent = not self._messages and not self._octets
        heard = self._owed is not None and self._owed[1] == "body"
        if silent or heard:
            # Nobody has asked for anything, or what asked tells itself how it ended.
            self._door.refused[why] += 1
        else:
            address = self.client[0] if self.client else ""
            self._door.turn_away(why, address, self.loop.time())

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)


def _answer(code: str, number: int) -> bytes:
    status = HTTPStatus(number)
    body = (
        f'{{"type":"urn:cloud-marketdata:problem:{code}","title":"{status.phrase}",'
        f'"status":{number},"code":"{code}","detail":"{status.description.lower()}"}}'
    )
    return (
        f"HTTP/1.1 {number} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        + body
    ).encode("ascii")


_ANSWERS: Final[dict[Refusal, bytes]] = {
    why: _answer(code, status) for why, (code, status) in CODES.items() if status
}
