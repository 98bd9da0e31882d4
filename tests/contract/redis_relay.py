"""A relay before one Redis that loses what passes: a command, or the answer to one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

Part = Literal["question", "answer"]
_CHUNK = 1 << 20
_SCRIPT = b"EVAL"
"""What is lost is a script or its answer: connections that begin or listen are left alone."""


class Relay:
    """Passes everything on until `lose` names a part: the next one is lost with its connection."""

    def __init__(self, server_port: int) -> None:
        self.lose: Part | None = None
        self._server_port = server_port

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until either end is closed or something is lost."""
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        asked = _Asked()
        ways = (
            (reader, server_writer, "question", asked),
            (server_reader, writer, "answer", asked),
        )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._pass(*way)) for way in ways]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        finally:
            writer.close()
            server_writer.close()

    async def _pass(
        self,
        source: asyncio.StreamReader,
        drain: asyncio.StreamWriter,
        part: Part,
        asked: "_Asked",
    ) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if part == "question":
                    asked.script = _SCRIPT in data
                if self.lose == part and asked.script:
                    self.lose = None
                    return
                drain.write(data)
                await drain.drain()


class _Asked:
    """Whether the last question of a connection was a script."""

    script = False


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[tuple[Relay, str]]:
    """Yield a relay before the server of the URL, and the URL that leads through it."""
    front, _, database = url.rpartition("/")
    made = Relay(int(front.rpartition(":")[2]))
    async with asyncio.TaskGroup() as group:
        clients = []
        server = await asyncio.start_server(
            lambda *ends: clients.append(group.create_task(made.carry(*ends))), "127.0.0.1", 0
        )
        try:
            port = server.sockets[0].getsockname()[1]
            yield made, f"redis://127.0.0.1:{port}/{database}"
        finally:
            server.close()
            for client in clients:
                client.cancel()
