"""A whole application with its real guard, and bare ASGI requests to it, as odd as one likes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI
from starlette.types import ASGIApp
from tape import FixedClock, Market

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.audit import build_audit
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.stream.asyncapi import build_page
from cloud_marketdata.api.stream.endpoint import build_stream
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.audit.event import AuditEvent
from guarded import Guarded

Headers = Sequence[tuple[bytes, bytes]]
HOST = (b"host", b"127.0.0.1:8000")
MARKETS = "/v1/markets"
OPEN = {"host": "0.0.0.0", "allow_open_bind": True}  # noqa: S104  nothing is bound
ASKING = {"require_keys": "always"}


class Answer(NamedTuple):
    """What an application sent; status 0 where it sent nothing."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        """The body."""
        return msgspec.json.decode(self.body)

    @property
    def refused(self) -> tuple[int, str]:
        """Status and code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self
        return self.status, self.json["code"]


class Doorstep:
    """An application over a market, and who stands before it."""

    def __init__(self, **settings: object) -> None:
        self.settings = Settings(**settings)
        self.clock = FixedClock()
        self.guarded = Guarded(self.clock, self.settings)
        self.market = asyncio.run(Market(clock=self.clock).open())
        self.app = self._application()

    def _application(self) -> FastAPI:
        queries, given = self.market.queries, (self.clock, self.settings)
        hub = Hub(queries, queries.stores, *given, Random(0))  # noqa: S311  nothing is tried
        readers = Readers(self.settings)
        return create_app(
            queries=queries,
            operations=Operations([], self.settings, self.clock),
            clock=self.clock,
            settings=self.settings,
            guard=self.guarded.edge,
            routers=[
                build_stream(hub, readers, *given, self.guarded.stream),
                build_page("0"),
                build_audit(Path("nowhere"), self.clock),
            ],
        )

    @property
    def events(self) -> list[AuditEvent]:
        """What the audit log got."""
        return self.guarded.events

    def key(self, *scopes: str, **wish: int) -> str:
        """Make a key."""
        return asyncio.run(self.guarded.key(*scopes, **wish))

    def ask(
        self,
        path: str = MARKETS,
        method: str = "GET",
        headers: Headers = (),
        *,
        body: Sequence[bytes] | None = (b"",),
        whole: Headers | None = None,
        **scope: object,
    ) -> Answer:
        """Send a request; headers beside Host or the `whole` of them; a `body` of None hangs."""
        path, _, query = path.partition("?")
        asked = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": query.encode(),
            "headers": [HOST, *headers] if whole is None else list(whole),
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "extensions": {},
            **scope,
        }
        return asyncio.run(answered(self.app, asked, None if body is None else list(body)))


async def answered(app: ASGIApp, scope: dict[str, Any], chunks: list[bytes] | None) -> Answer:
    """Return what an application sends to one request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if scope["type"] == "websocket":
            return {"type": "websocket.connect"}
        if chunks is None:
            await asyncio.Event().wait()
        if not chunks:
            return {"type": "http.disconnect"}
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    starts = [one for one in sent if one["type"].endswith("response.start")]
    if not starts:
        return Answer(0, {}, b"")
    names = [name for name, _ in starts[0]["headers"]]
    assert len(names) == len(set(names)), names
    told = {name.decode(): value.decode("latin-1") for name, value in starts[0]["headers"]}
    body = b"".join(one.get("body", b"") for one in sent if one["type"].endswith("body"))
    return Answer(starts[0]["status"], told, body)


def bearer(key: str) -> list[tuple[bytes, bytes]]:
    """Return the header that shows a key."""
    return [(b"authorization", f"Bearer {key}".encode())]
