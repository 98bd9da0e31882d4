"""Stands between a reader of the live stream and the service, and loses what it is told to lose."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]
Cut = Callable[[int, Frame], str]
"""What becomes of a frame of the connection of this number: `pass`, `lose` or `hang up`."""


class Relay:
    """What was asked for on each connection, and which frames reached the reader."""

    def __init__(self, service: str, cut: Cut) -> None:
        self.asked: list[Frame] = []
        self.reached: list[list[Frame]] = []
        self._service = service
        self._cut = cut

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Yield where a reader connects to."""
        async with serve(self._carry, "127.0.0.1", 0) as server:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def trades(self, number: int) -> list[Frame]:
        """Return the snapshots and updates of trades that reached the reader on a connection."""
        found = self.reached[number] if number < len(self.reached) else []
        return [frame for frame in found if frame.get("channel") == "trades" and "data" in frame]

    async def _carry(self, reader: ServerConnection) -> None:
        number = len(self.reached)
        self.reached.append([])
        async with connect(self._service) as service:
            text = await reader.recv()
            self.asked.append(json.loads(text))
            await service.send(text)
            await self._forward(number, service, reader)

    async def _forward(
        self, number: int, service: ClientConnection, reader: ServerConnection
    ) -> None:
        async for text in service:
            frame = json.loads(text)
            what = self._cut(number, frame)
            if what == "hang up":
                reader.transport.abort()
                return
            if what == "pass":
                try:
                    await reader.send(text)
                except ConnectionClosed:
                    return
                self.reached[number].append(frame)


async def until(look: Callable[[], bool], seconds: float = 20) -> None:
    """Return when something is so."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110  what is waited for happens in other processes
            await asyncio.sleep(0.02)
