"""What of an answer goes out: it is dressed on its way, and seen for the audit log.

Nothing is held back and nothing is read; a stream passes event by event.
"""

from typing import Final

from starlette.types import Message, Send

from cloud_marketdata.api.edge.dress import Dress
from cloud_marketdata.api.edge.visit import Visit

_STARTS: Final = frozenset(("http.response.start", "websocket.http.response.start"))
_BODIES: Final = frozenset(("http.response.body", "websocket.http.response.body"))
_REFUSED: Final = 403
"""What a server answers where a handshake is ended before it is over."""


class Passage:
    """The way out of one request.

    status: of the answer, 0 before it begins. bytes: of its body so far.
    accepted: whether a WebSocket's handshake went well.
    """

    def __init__(self, send: Send, visit: Visit, dress: Dress) -> None:
        self._send = send
        self._visit = visit
        self._dress = dress
        self.status = 0
        self.bytes = 0
        self.accepted = False

    async def send(self, message: Message) -> None:
        """Send a message of ASGI, with our headers where it has any."""
        kind = message["type"]
        if kind in _STARTS:
            self.status = message["status"]
            headers = self._dress.of(message.get("headers", ()), self._visit)
            message = {**message, "headers": headers}
        elif kind in _BODIES:
            self.bytes += len(message.get("body", b""))
        elif kind == "websocket.accept":
            self.accepted = True
        elif kind == "websocket.close" and not self.accepted:
            self.status = self.status or _REFUSED
        await self._send(message)
