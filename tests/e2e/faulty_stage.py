"""A simulator whose faults are set over HTTP, with clients that only do what they are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from websockets.asyncio.client import connect

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.server import simulate
from cloud_marketdata.simulator.staging import Simulation

TRADES = "/stream?streams=btcusdt@trade"


class Stage:
    """A running simulator with its doors."""

    def __init__(self, port: int, http: httpx2.AsyncClient) -> None:
        self.port = port
        self._http = http

    def ws(self, path: str = TRADES) -> connect:
        """Connect a client that pings only when told to."""
        uri = f"ws://127.0.0.1:{self.port}{path}"
        return connect(uri, compression=None, ping_interval=None, max_queue=None)

    async def ask(self, path: str, **params: object) -> httpx2.Response:
        """Ask REST."""
        return await self._http.get(path, params=params)

    async def fault(self, text: str) -> httpx2.Response:
        """Set faults."""
        return await self._http.post("/_faults", content=text)

    async def struck(self) -> list[int]:
        """Return how often each fault has struck."""
        return [row["struck"] for row in (await self._http.get("/_faults")).json()["faults"]]

    async def heal(self) -> httpx2.Response:
        """End all faults."""
        return await self._http.delete("/_faults")


@asynccontextmanager
async def staged(*venues: Venue, **options: Any) -> AsyncIterator[Stage]:  # noqa: ANN401
    options = {"speed": 10.0, "seed": 3} | options
    async with (
        asyncio.timeout(30),
        simulate(Simulation(venues=venues, **options), SystemClock()) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield Stage(port, http)


async def within(seconds: float, work: Awaitable[Any]) -> Any:  # noqa: ANN401
    return await asyncio.wait_for(work, seconds)
