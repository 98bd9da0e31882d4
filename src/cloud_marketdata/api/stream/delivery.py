"""Carries what waits for a reader to its connection, and notices a reader that takes nothing.

A frame for a socket that is ready is sent within the step that offers it. Only where the socket is
not ready a task goes on, and sends all that waits in one go; another looks now and then whether the
first still gets on. Waking a task for each frame costs four times as much as sending it (measured
over 1,000 connections: 22 and 5 us), and a timer for each one more.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final

from cloud_marketdata.api.stream.outbox import Item, Outbox, Parting
from cloud_marketdata.core.clock import Clock

DEAD: Final = Parting(1011, "dead_reader", "the reader took nothing")
Send = Callable[[Item], Awaitable[None]]


class ReaderGoneError(Exception):
    """The connection is of no use any more: it is closed, or nobody reads."""


class _Begun(Awaitable[None]):
    """The rest of a send that had to wait, for a task to go on with."""

    def __init__(self, awaited: object, sending: Generator[Any, None, None]) -> None:
        self._awaited = awaited
        self._sending = sending

    def __await__(self) -> Generator[Any, None, None]:
        try:
            yield self._awaited
            yield from self._sending
        finally:
            self._sending.close()


class Delivery:
    """Sends what an outbox holds.

    Args:
        outbox: where it waits.
        send: sends one frame; blocks while the reader is behind, raises OSError when it has gone.
        clock: for the looks.
        patience_s: how long a reader may take nothing at all; noticed after up to half more.
    """

    def __init__(self, outbox: Outbox, send: Send, clock: Clock, patience_s: float) -> None:
        self._outbox = outbox
        self._send = send
        self._clock = clock
        self._patience_s = patience_s
        self.characters = 0
        """How much was sent, or begun to be; bytes, but for a rare word that is not ASCII."""
        self._begun = self._done = 0
        self._rest: Awaitable[None] | None = None
        self._gone: Exception | None = None

    @property
    def frames(self) -> int:
        """How many frames were sent, or begun to be."""
        return self._begun

    async def run(self) -> None:
        """Send until the outbox says that the connection shall end."""
        try:
            while True:
                await self._finish()
                await self._drain()
                if self._outbox.parting is not None:
                    return
                self._outbox.catch_up()
                await self._outbox.filled(self._post)
        except OSError as error:
            raise ReaderGoneError from error

    async def watch(self) -> None:
        """Raise ReaderGoneError once nothing of one frame was taken for as long as may be."""
        stuck_at, looks = -1, 0
        while True:
            await self._clock.sleep(self._patience_s / 2)
            looks = looks + 1 if self._begun > self._done == stuck_at else 0
            stuck_at = self._done if self._begun > self._done else -1
            if looks >= 2:  # noqa: PLR2004  two halves of the patience
                self._outbox.part(DEAD)
                raise ReaderGoneError

    async def _drain(self) -> None:
        while (item := self._outbox.pop()) is not None:
            self._begun += 1
            self.characters += len(item.frame.text)
            await self._send(item)
            self._done += 1

    async def _finish(self) -> None:
        """Go on with what began within an offer."""
        if self._gone is not None:
            raise self._gone
        if self._rest is not None:
            rest, self._rest = self._rest, None
            await rest
            self._done += 1

    def _post(self, item: Item) -> bool:
        """Send a frame without a task, up to where it would have to wait."""
        sending = self._send(item).__await__()
        self._begun += 1
        self.characters += len(item.frame.text)
        try:
            awaited = next(sending)
        except StopIteration:
            self._done += 1
            return True
        except Exception as error:  # noqa: BLE001  the writer raises it; who offers has no part in it
            self._gone = error
            return False
        self._rest = _Begun(awaited, sending)
        return False
