"""Where clients come in: they are refused or let in, listened to while they stay, and forgotten."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.simulator.connection import Connection, Subscriptions
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.line import LINE

Answers = Callable[[str], Sequence[bytes]]
UNAVAILABLE: Final = 503


class Doorway:
    """The door of one venue's sockets."""

    def __init__(self, subscriptions: Subscriptions[Any], mischief: Mischief, clock: Clock) -> None:
        self._subscriptions = subscriptions
        self._mischief = mischief
        self._clock = clock

    async def admits(
        self, scope: Scope, receive: Receive, send: Send, connection: Connection
    ) -> bool:
        """Let a client in; False where it left before, or is refused with 503."""
        if (await receive())["type"] != "websocket.connect":
            return False
        if self._mischief.refuses():
            head = {"type": "websocket.http.response.start", "status": UNAVAILABLE, "headers": []}
            await send(head)
            await send({"type": "websocket.http.response.body", "body": b""})
            return False
        await send({"type": "websocket.accept"})
        connection.line = scope["state"][LINE]
        connection.line.on_control = lambda: connection.heard.append(self._clock.monotonic())
        self._mischief.audience.enter(connection, self._clock.monotonic())
        return True

    async def converse(self, receive: Receive, connection: Connection, answers: Answers) -> None:
        """Answer what a client says until it leaves."""
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                connection.heard.append(self._clock.monotonic())
                text = message.get("text")
                text = message["bytes"].decode(errors="replace") if text is None else text
                async with connection.turn:
                    for frame in answers(text):
                        await connection.send(frame)
        except OSError:
            return
        finally:
            self._mischief.audience.leave(connection)
            self._subscriptions.drop(connection)
