"""`/v1/stream` over WebSocket, as plain ASGI: no framework stands between a frame and the socket.

A connection is three tasks: one reads requests, one sends, one looks whether the reader still
takes anything; the first that ends, ends all. Who may not come in, or finds no free seat, is
refused before the handshake is over, with a problem.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from cloud_marketdata.api.edge.visit import Visit, visit_of
from cloud_marketdata.api.errors import refusal
from cloud_marketdata.api.stream.bearer import PATIENCE_S, Bearer
from cloud_marketdata.api.stream.controls import Controls
from cloud_marketdata.api.stream.delivery import Delivery, ReaderGoneError
from cloud_marketdata.api.stream.delivery import Send as Sending
from cloud_marketdata.api.stream.desk import Desk
from cloud_marketdata.api.stream.journal import Journal
from cloud_marketdata.api.stream.outbox import Item, Outbox
from cloud_marketdata.api.stream.voice import farewell
from cloud_marketdata.core.errors import MarketDataError

_LATER_S: Final = "5"
_UNAVAILABLE: Final = 503


class StreamSocket:
    """The ASGI application of one route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        visit = visit_of(scope)
        outbox = self._desk.outbox()
        try:
            with self._desk.admitted(visit, outbox) as bearer:
                await bearer.connect()
                await receive()
                await send({"type": "websocket.accept"})
                await self._serve(receive, send, bearer)
        except MarketDataError as error:
            await self._deny(error, visit, WebSocket(scope, receive, send))
        except OSError:
            # The client left during the handshake.
            return

    async def _deny(self, error: MarketDataError, visit: Visit, socket: WebSocket) -> None:
        answer = refusal(self._desk.problems, error, visit)
        if answer.status_code == _UNAVAILABLE:
            answer.headers["Retry-After"] = _LATER_S
        await socket.send_denial_response(answer)

    async def _serve(self, receive: Receive, send: Send, bearer: Bearer) -> None:
        listening = self._desk.listening(bearer.outbox)
        delivery = self._desk.delivery(bearer.outbox, _sending(send))
        journal = self._desk.journal(bearer)
        journal.connected()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_delivered(delivery, send, bearer.outbox))
                group.create_task(delivery.watch())
                if not bearer.known:
                    group.create_task(self._patience(bearer))
                controls = Controls(listening, bearer, self._desk, group)
                await _heard(receive, controls, journal)
        except* ReaderGoneError:
            pass
        finally:
            listening.end()
            journal.closed(delivery)

    async def _patience(self, bearer: Bearer) -> None:
        await self._desk.clock.sleep(PATIENCE_S)
        bearer.give_up()


def _sending(send: Send) -> Sending:
    def one(item: Item) -> Awaitable[None]:
        return send({"type": "websocket.send", "text": item.frame.text})

    return one


async def _heard(receive: Receive, controls: Controls, journal: Journal) -> None:
    """Answer requests until the connection is closed, which ends the other tasks."""
    while (message := await receive())["type"] == "websocket.receive":
        await controls.take(message.get("text"), journal)
    raise ReaderGoneError


async def _delivered(delivery: Delivery, send: Send, outbox: Outbox) -> None:
    """Send until the connection shall end, and then say why."""
    await delivery.run()
    parting = outbox.parting
    assert parting is not None
    try:
        await send({"type": "websocket.send", "text": farewell(parting, outbox).text})
        await send({"type": "websocket.close", "code": parting.close, "reason": parting.code})
    except OSError as error:
        raise ReaderGoneError from error
