"""What a benchmark connects to: a server that was named, or a blast server started for the run."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import msgspec

from cloud_marketdata.collectors.base import Topic
from cloud_marketdata.core.errors import BadRequestError, VenueError
from cloud_marketdata.storage.ports import StreamKind

STALL_S: Final = 60.0
"""A server that has not sent everything by then never will."""


class Target(msgspec.Struct, frozen=True):
    """`count` trades of `symbol`, at `url` or, where that is None, from a server of our own."""

    count: int
    symbol: str = "BTCUSDT"
    url: str | None = None

    @property
    def topic(self) -> Topic:
        """The stream that carries the trades."""
        return Topic(f"{self.symbol.lower()}@trade", self.symbol, StreamKind.TRADES)

    @property
    def subscribe(self) -> bytes:
        """What a bare client sends; a server need not answer it."""
        return msgspec.json.encode({"method": "SUBSCRIBE", "params": [self.topic.name], "id": 1})

    @property
    def address(self) -> str:
        """The whole URL: a path that was given is kept, else it is the venue's own.

        Raises BadRequestError for anything but ws:// and wss://.
        """
        parts = urlsplit(self.url or "")
        if parts.scheme not in {"ws", "wss"} or not parts.netloc:
            msg = f"--url is a WebSocket address such as ws://127.0.0.1:9000, not {self.url!r}"
            raise BadRequestError(msg)
        path = parts.path if parts.path not in {"", "/"} else "/stream"
        return parts._replace(path=path).geturl()


@contextlib.asynccontextmanager
async def reached(target: Target) -> AsyncIterator[Target]:
    """Give back the target with an address, starting a blast server where it has none."""
    if target.url is not None:
        yield target
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cloud_marketdata", "bench", "blast"),
        *("--count", str(target.count), "--symbol", target.symbol),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None, "stdout was asked for"
    try:
        line = await process.stdout.readline()
        if not line:
            msg = "the blast server did not start; its complaint stands above"
            raise VenueError(msg)
        port = msgspec.json.decode(line)["port"]
        yield msgspec.structs.replace(target, url=f"ws://127.0.0.1:{port}/stream")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
