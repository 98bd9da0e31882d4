"""A small site behind the service's own door: real sockets, real TLS, a small application."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

import uvicorn

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.hosting import PublicServer, bound_for_readers
from cloud_marketdata.core.http.door import Door

HOST = "127.0.0.1"


class Pems(NamedTuple):
    """A folder as `make certs` fills it."""

    folder: Path

    def path(self, name: str) -> str:
        """Return the path of `ca`, `server`, `server-key`, `client` or `client-key`."""
        return str(self.folder / f"{name}.pem")

    def settings(self, **more: object) -> Settings:
        """Return settings of a service that shows the server's pair."""
        given = {"tls_certificate": self.path("server"), "tls_key": self.path("server-key")}
        return Settings(**(given | more))

    def trust(self, **versions: ssl.TLSVersion) -> ssl.SSLContext:
        """Return a client's context that believes the authority; not the service's own one."""
        context = ssl.create_default_context(cafile=self.path("ca"))
        for name, version in versions.items():
            setattr(context, name, version)
        return context


class Site(NamedTuple):
    """Where it listens, and what it has counted."""

    port: int
    door: Door
    server: PublicServer


async def application(scope, receive, send):
    """Answer with the length of the body, or with `size` octets, slowly where `wait` says so."""
    if scope["type"] == "websocket":
        await _echo(receive, send)
        return
    length, more = 0, scope["path"] != "/unread"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    asked = parse_qs(scope["query_string"].decode())
    await asyncio.sleep(float(asked.get("wait", ["0"])[0]))
    size = int(asked.get("size", ["0"])[0])
    if scope["path"] == "/broken":
        message = "broken"
        raise ValueError(message)
    rude = [(b"Connection", b"close"), (b"keep-alive", b"1")] if scope["path"] == "/rude" else []
    await send({"type": "http.response.start", "status": 200, "headers": rude})
    body = b"x" * size or str(length).encode()
    for at in range(0, len(body), 16_384):
        part = body[at : at + 16_384]
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _echo(receive, send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


@asynccontextmanager
async def site(
    tls: ssl.SSLContext | None = None, *, connections: int = 1000, patience_s: float = 5.0
) -> AsyncIterator[Site]:
    """Serve while the block runs."""
    door = Door(connections, patience_s)
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        ws="websockets-sansio",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = PublicServer(config, door, tls)
    async with asyncio.TaskGroup() as tasks:
        with bound_for_readers(HOST, 0) as listener:
            tasks.create_task(server.serve(sockets=[listener]))
            try:
                yield Site(listener.getsockname()[1], door, server)
            finally:
                server.should_exit = True


class Said(NamedTuple):
    """What a peer answered: until it closed, or until nothing came any more."""

    octets: bytes
    closed: bool

    @property
    def status(self) -> int | None:
        """The status of the first answer."""
        return int(self.octets.split(b" ", 2)[1]) if self.octets else None


async def said(port: int, *parts: bytes, patience_s: float = 3.0, pause_s: float = 0.0) -> Said:
    """Send parts on one connection, with pauses between them, and read what comes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    octets, closed = bytearray(), False

    async def listen() -> None:
        while data := await reader.read(65_536):
            octets.extend(data)

    try:
        async with asyncio.timeout(patience_s), asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(listen())
            for part in parts:
                if listening.done():
                    break
                writer.write(part)
                await asyncio.sleep(pause_s)
        closed = True
    except* TimeoutError:
        closed = False
    except* ConnectionError:
        closed = True
    finally:
        writer.transport.abort()
    return Said(bytes(octets), closed)


def opened(port: int) -> socket.socket:
    """Open a socket that says nothing."""
    return socket.create_connection((HOST, port), timeout=10)
