"""HTTP/1.1 with an end to every wait: a head and a body come in time, and a head is not endless.

uvicorn's own protocol waits for ever for what a client does not say, and keeps headers without
end. The parser is strict as it stands: what two servers might read in two ways is malformed.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Literal

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from cloud_marketdata.core.http.door import Door, Refusal

Owed = Literal["head", "body"]
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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._owed = None
        self._wait()
        self._leave()
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
        self._door.refused[why] += 1
        answering = self.cycle is not None and not self.cycle.response_complete
        if not (answering and self.cycle.response_started):
            self.transport.write(_ANSWERS[why])
        self.transport.close()


def _answer(status: HTTPStatus) -> bytes:
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    ).encode("ascii")


_ANSWERS: Final[dict[Refusal, bytes]] = {
    "slow_head": _answer(HTTPStatus.REQUEST_TIMEOUT),
    "slow_body": _answer(HTTPStatus.REQUEST_TIMEOUT),
    "head_too_large": _answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    "malformed": _answer(HTTPStatus.BAD_REQUEST),
}
