"""`/v1/stream` over WebSocket, as plain ASGI: no framework stands between a frame and the socket.

A connection is three tasks: one reads requests, one sends, one looks whether the reader still
takes anything; the first that ends, ends all. Who comes when no seat is free is refused before the
handshake is over, with a problem.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from cloud_marketdata.api.errors import as_response
from cloud_marketdata.api.stream.controls import Controls
from cloud_marketdata.api.stream.delivery import Delivery, ReaderGoneError
from cloud_marketdata.api.stream.delivery import Send as Sending
from cloud_marketdata.api.stream.desk import Desk
from cloud_marketdata.api.stream.outbox import Item, Outbox
from cloud_marketdata.api.stream.refusals import StoppingError, TooManyReadersError
from cloud_marketdata.api.stream.voice import farewell

_LATER_S: Final = "5"


class StreamSocket:
    """The ASGI application of one route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        outbox = self._desk.outbox()
        try:
            with self._desk.readers.seat(outbox):
                await receive()
                await send({"type": "websocket.accept"})
                await self._serve(receive, send, outbox)
        except (TooManyReadersError, StoppingError) as refusal:
            problem = self._desk.problems.of(refusal)
            response = as_response(problem, {"Retry-After": _LATER_S})
            await WebSocket(scope, receive, send).send_denial_response(response)
        except OSError:
            # The client left during the handshake.
            return

    async def _serve(self, receive: Receive, send: Send, outbox: Outbox) -> None:
        listening = self._desk.listening(outbox)
        delivery = self._desk.delivery(outbox, _sending(send))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_delivered(delivery, send, outbox))
                group.create_task(delivery.watch())
                await _heard(receive, Controls(listening, outbox, self._desk, group))
        except* ReaderGoneError:
            pass
        finally:
            listening.end()


def _sending(send: Send) -> Sending:
    def one(item: Item) -> Awaitable[None]:
        return send({"type": "websocket.send", "text": item.frame.text})

    return one


async def _heard(receive: Receive, controls: Controls) -> None:
    """Answer requests until the connection is closed, which ends the other tasks."""
    while (message := await receive())["type"] == "websocket.receive":
        await controls.take(message.get("text"))
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
