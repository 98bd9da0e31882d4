"""What one connection says to the venue: in order, and never faster than the venue allows.

Binance disconnects who sends too much, and counts pongs. An answer names the command it answers, so
that a batch refused for one of its topics can be asked for again topic by topic.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from cloud_marketdata.collectors.base import BaseCollector, Control, ControlKind
from cloud_marketdata.collectors.connection.transport import Transport
from cloud_marketdata.collectors.rest.budget import Pacer
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueError

_WAITING_MAX: Final = 10_000


class Speech:
    """The commands of one connection; `refused` are the topics the venue will not give."""

    def __init__(self, collector: BaseCollector, pacer: Pacer, clock: Clock) -> None:
        self.refused: list[str] = []
        self._collector = collector
        self._pacer = pacer
        self._clock = clock
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING_MAX)
        self._asked: dict[str, tuple[str, ...]] = {}

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for topics."""
        for command in self._collector.subscribe(topics):
            self._asked[command.ref] = command.topics
            self.say(command.payload)

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Have topics no more."""
        for command in self._collector.unsubscribe(topics):
            self.say(command.payload)

    def say(self, payload: bytes) -> None:
        """Send as soon as the venue's limit allows; raises VenueError when too much waits."""
        try:
            self._waiting.put_nowait(payload)
        except asyncio.QueueFull:
            msg = f"{_WAITING_MAX} commands wait to be sent"
            raise VenueError(msg) from None

    def answered(self, control: Control) -> bool:
        """Take an answer; a refused batch is asked for again singly.

        Returns whether something was refused for good.
        """
        topics = self._asked.pop(control.ref, ())
        if control.kind is not ControlKind.REFUSED:
            return False
        if len(topics) > 1:
            for topic in topics:
                self.subscribe((topic,))
            return False
        self.refused += topics
        return True

    async def run(self, transport: Transport) -> None:
        """Send until cancelled."""
        while True:
            payload = await self._waiting.get()
            while (wait_s := self._pacer.wait_s()) > 0:
                await self._clock.sleep(wait_s)
            self._pacer.note()
            transport.send(payload)
