"""Connections without a network: the routes' own ASGI side, driven by hand."""

import asyncio
from typing import Any, Self

from counters import Counters
from fastapi import FastAPI
from msgspec import json

from cloud_marketdata.api.edge.visit import VISIT, Visit
from cloud_marketdata.api.errors import Problems, install
from cloud_marketdata.api.stream.endpoint import build_stream
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.identity import LOCAL, NOBODY, Identity
from guarded import Guarded

STEPS = 200


class StageClock:
    """A clock that stands still unless it is turned; who sleeps, waits for that."""

    def __init__(self) -> None:
        self.at = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> int:
        """See Clock."""
        return 1_700_000_000_000_000_000 + round(self.at * 1e9)

    def monotonic(self) -> float:
        """See Clock."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.at + seconds, woken))
        await woken

    async def turn(self, seconds: float) -> None:
        """Let time go by."""
        self.at += seconds
        due = [one for one in self._sleepers if one[0] <= self.at]
        self._sleepers = [one for one in self._sleepers if one[0] > self.at]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)
        await settled()


class Line:
    """One connection as its client sees it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.served: asyncio.Task[None]
        self.visit: Visit
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._free = asyncio.Event()
        self._free.set()

    async def receive(self) -> dict[str, Any]:
        """ASGI."""
        return await self._incoming.get()

    async def send(self, message: dict[str, Any]) -> None:
        """ASGI: blocks while the client is stuck, as a full socket does."""
        await self._free.wait()
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.give({"type": "websocket.disconnect", "code": message["code"]})

    def give(self, message: dict[str, Any]) -> None:
        """Let something come from the client."""
        self._incoming.put_nowait(message)

    def stick(self) -> None:
        """Read no more."""
        self._free.clear()

    def unstick(self) -> None:
        """Read again."""
        self._free.set()

    async def say(self, *messages: object) -> None:
        """Send messages, as JSON unless they are text or bytes."""
        for message in messages:
            kind = "bytes" if isinstance(message, bytes) else "text"
            text = message if isinstance(message, str | bytes) else json.encode(message).decode()
            self.give({"type": "websocket.receive", kind: text})
        await settled()

    def heard(self) -> list[dict[str, Any]]:
        """Return what came since the last look, decoded."""
        told = [json.decode(one["text"]) for one in self.sent if one["type"] == "websocket.send"]
        self.sent = [one for one in self.sent if one["type"] != "websocket.send"]
        return told

    async def ask(self, message: object) -> dict[str, Any]:
        """Send one message and return its reply, which nothing comes before."""
        await self.say(message)
        reply, *rest = self.heard()
        self.sent += [{"type": "websocket.send", "text": json.encode(one).decode()} for one in rest]
        return reply


class Stage:
    """The routes over counters, behind a guard that is real but for the edge."""

    def __init__(self, **settings: object) -> None:
        self.settings = Settings.model_validate({"storage": "memory", **settings})
        self.clock = StageClock()
        self.hub = Counters()
        self.readers = Readers(self.settings)
        self.app = FastAPI()
        install(self.app, Problems("rest", self.clock))
        self.guarded = Guarded(self.clock, self.settings)
        self.app.include_router(
            build_stream(self.hub, self.readers, self.clock, self.settings, self.guarded.stream)
        )
        self._group = asyncio.TaskGroup()
        self._lines: list[Line] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._watching = self._group.create_task(self.guarded.rounds.run())
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.readers.stop()
        self._watching.cancel()
        for line in self._lines:
            line.unstick()
        await self._group.__aexit__(*raised)  # type: ignore[arg-type]

    async def connect(self, identity: Identity | None = None, address: str = "") -> Line:
        """Connect by WebSocket, as whom the edge has let in."""
        line = Line()
        self._lines.append(line)
        line.give({"type": "websocket.connect"})
        scope = _scope("websocket", "/v1/stream", "")
        scope[VISIT] = self.visit("ws", identity, address)
        line.served = self._group.create_task(self.app(scope, line.receive, line.send))
        await settled()
        return line

    async def get(
        self,
        query: str,
        headers: dict[str, str] | None = None,
        identity: Identity | None = None,
    ) -> Line:
        """Ask for server-sent events."""
        line = Line()
        self._lines.append(line)
        line.give({"type": "http.request", "body": b"", "more_body": False})
        scope = _scope("http", "/v1/stream/sse", query, headers)
        line.visit = scope[VISIT] = self.visit("rest", identity, "")
        line.served = self._group.create_task(self.app(scope, line.receive, line.send))
        await settled()
        return line

    def visit(self, surface: str, identity: Identity | None, address: str) -> Visit:
        """Return what the edge leaves of a request."""
        nobody = NOBODY if self.settings.asks_for_keys else LOCAL
        who = nobody if identity is None else identity
        address = address or "127.0.0.1"
        local = address == "127.0.0.1"
        return Visit(
            "r-1", surface, resource="/v1/stream", address=address, local=local, identity=who
        )


def _scope(
    kind: str, path: str, query: str, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
        "state": {},
    }


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(STEPS):
        await asyncio.sleep(0)
