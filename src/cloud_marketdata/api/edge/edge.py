"""The outermost layer, around everything that answers: HTTP, WebSocket handshakes and MCP alike.

It gives each request a number, lets it through the door or refuses it with a problem, dresses what
is answered, and has exactly one event of each HTTP request written down: refused, answered, failed
or left alone. Of a WebSocket it writes one only where the handshake came to nothing; what happens
behind it is the stream's own to tell.
"""

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud_marketdata.api.edge.asked import Asked, read
from cloud_marketdata.api.edge.bodies import received
from cloud_marketdata.api.edge.credentials import shown_key
from cloud_marketdata.api.edge.directory import Directory, Place
from cloud_marketdata.api.edge.door import Door
from cloud_marketdata.api.edge.dress import Dress
from cloud_marketdata.api.edge.guard import Guard
from cloud_marketdata.api.edge.needs import MCP_PATH, NEEDS, SOCKET
from cloud_marketdata.api.edge.passage import Passage
from cloud_marketdata.api.edge.peers import peer_of
from cloud_marketdata.api.edge.sizes import has_body
from cloud_marketdata.api.edge.telling import params_of, told
from cloud_marketdata.api.edge.visit import VISIT, Visit, visit_of
from cloud_marketdata.api.errors import Problems, refusal
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings

_CONNECT: Final = "ws.connect"
_CUT: Final = 256
_POLICY: Final = 1008


class Edge:
    """An ASGI application around another one."""

    def __init__(
        self, app: ASGIApp, guard: Guard, problems: Problems, clock: Clock, settings: Settings
    ) -> None:
        self._app = app
        self._audit = guard.audit
        self._problems = problems
        self._clock = clock
        self._patience_s = settings.header_timeout_s
        self._directory = Directory(NEEDS)
        self._door = Door(guard.gate, settings)
        self._dress = Dress(settings, clock)
        self._trusted = guard.trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or see to it that it is answered."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = read(scope)
        place = self._directory.find(asked.method or SOCKET, asked.path)
        visit = scope[VISIT] = self._visit(asked, place, scope)
        passage = Passage(send, visit, self._dress)
        began = self._clock.monotonic()
        try:
            await self._answer(asked, place, scope, receive, passage)
        except ClientDisconnect:
            visit.code = "client_left"
        except BaseException as error:
            ended = "cancelled" if isinstance(error, asyncio.CancelledError) else "internal"
            visit.outcome, visit.code = "failed", visit.code or ended
            raise
        finally:
            if not passage.accepted:
                seconds = self._clock.monotonic() - began
                self._audit(told(visit, passage.status, passage.bytes, seconds))

    async def _answer(
        self, asked: Asked, place: Place, scope: Scope, receive: Receive, passage: Passage
    ) -> None:
        unread = has_body(asked)
        try:
            answer = await self._door.pass_through(asked, place, visit_of(scope), scope)
            if answer is None and unread:
                receive, unread = await received(receive, self._patience_s), False
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it is answered with a problem
            answer = refusal(self._problems, error, visit_of(scope))
        if answer is None:
            await self._app(scope, receive, passage.send)
            return
        if unread and scope.get("http_version", "1.1") < "2":
            # Nobody shall take what is left of the body for the next request.
            answer.headers["connection"] = "close"
        await _ended(answer, scope, receive, passage)

    def _visit(self, asked: Asked, place: Place, scope: Scope) -> Visit:
        peer = peer_of(scope, asked, self._trusted)
        live = scope["type"] == "websocket"
        return Visit(
            self._problems.number(),
            "ws" if live else "mcp" if asked.path == MCP_PATH else "rest",
            _CONNECT if live else f"{asked.method} {place.template}",
            asked.path[:_CUT],
            peer.address,
            peer.local,
            asked.first(b"user-agent")[:_CUT],
            shown_key(asked),
            params=params_of(asked.query),
        )


async def _ended(answer: Response, scope: Scope, receive: Receive, passage: Passage) -> None:
    """Answer at the door; a WebSocket's handshake is denied with the same words."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await answer(scope, receive, passage.send)
    else:
        await passage.send({"type": "websocket.close", "code": _POLICY})
