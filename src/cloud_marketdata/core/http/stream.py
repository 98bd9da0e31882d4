"""One question and its answer over HTTP/2, as an ASGI application sees them.

The answer goes as far as the client's windows let it: what does not fit waits in the application,
not here. A client that takes nothing for too long has its question dropped.
"""

import asyncio
import logging
from collections.abc import Iterable, MutableMapping
from typing import Any, Final, Protocol

Message = MutableMapping[str, Any]
Fields = list[tuple[bytes, bytes]]

_BODILESS: Final = frozenset({204, 304})


class Wire(Protocol):
    """What a stream needs of its connection."""

    def send_head(self, stream: "Stream", fields: Fields) -> None:
        """Send a head."""
        ...

    async def send_body(self, stream: "Stream", data: bytes, *, ends: bool) -> None:
        """Send a part of a body as fast as the client takes it; returns early where it is gone."""
        ...

    def took(self, number: int, octets: int) -> None:
        """Let the client send that much more of its body."""
        ...

    def drop(self, number: int) -> None:
        """Reset the stream, whose answer cannot be finished."""
        ...


class Stream:
    """A stream; `gone` once the client or the connection has dropped it."""

    def __init__(self, wire: Wire, number: int, scope: MutableMapping[str, Any]) -> None:
        self.number = number
        self.scope = scope
        self.gone = False
        self.asked = False
        """Whether the whole question is here."""
        self.answered = False
        self.window = asyncio.Event()
        """Set when the client takes more than before, or nothing any more."""
        self.deadline: asyncio.TimerHandle | None = None
        self._wire = wire
        self._heard = asyncio.Event()
        self._body = bytearray()
        self._owed = 0
        self._started = False
        self._silent = scope["method"] == "HEAD"

    def got(self, data: bytes, octets: int) -> None:
        """Take a part of the body, which is worth so many octets of the client's window."""
        if self.answered:
            self._wire.took(self.number, octets)
            return
        self._body += data
        self._owed += octets
        self._heard.set()

    def unread(self) -> int:
        """Return what the body is worth that nobody has read, once."""
        octets, self._owed = self._owed, 0
        return octets

    def got_all(self) -> None:
        """Take note that the question is complete."""
        self.asked = True
        self._heard.set()

    def lost(self) -> None:
        """Take note that nobody waits for the answer any more."""
        self.gone = True
        self._heard.set()
        self.window.set()

    async def run(self, app: Any, default: Iterable[tuple[bytes, bytes]]) -> None:  # noqa: ANN401  uvicorn's
        """Have the application answer; whatever it does, the stream has ended afterwards."""
        self._default = list(default)
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:
            logging.getLogger("uvicorn.error").exception(
                "Exception in ASGI application", exc_info=error
            )
        if self.gone or self.answered:
            return
        if self._started:
            self._wire.drop(self.number)
        else:
            await self.send({"type": "http.response.start", "status": 500, "headers": []})
            await self.send({"type": "http.response.body"})

    async def receive(self) -> Message:
        """See ASGI: the body as it comes, then the end of the client's interest."""
        if not (self.gone or self.answered):
            await self._heard.wait()
            self._heard.clear()
        if self.gone or self.answered:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        self._wire.took(self.number, self.unread())
        return {"type": "http.request", "body": body, "more_body": not self.asked}

    async def send(self, message: Message) -> None:
        """See ASGI; raises RuntimeError for messages that are out of order."""
        if self.gone:
            return
        if message["type"] == "http.response.start" and not self._started:
            self._begin(message)
        elif message["type"] == "http.response.body" and self._started and not self.answered:
            await self._go_on(message)
        else:
            msg = f"unexpected ASGI message {message['type']!r}"
            raise RuntimeError(msg)

    def _begin(self, message: Message) -> None:
        self._started = True
        status = message["status"]
        self._silent = self._silent or status in _BODILESS
        # h2 makes the names small, and leaves out what speaks of a connection of HTTP/1.1.
        told = message.get("headers", ())
        self._wire.send_head(self, [(b":status", b"%d" % status), *self._default, *told])

    async def _go_on(self, message: Message) -> None:
        body = b"" if self._silent else message.get("body", b"")
        ends = not message.get("more_body", False)
        if body or ends:
            await self._wire.send_body(self, body, ends=ends)
        if ends:
            self.answered = True
            self._heard.set()
