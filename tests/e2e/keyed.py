"""A small market that stands still, served over a real socket to who shows a key."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple

import uvicorn
from agents_market import Still, filled

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.stream.endpoint import build_stream
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.readers import Readers
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.hosting import bound
from cloud_marketdata.storage.memory import memory_stores
from guarded import Guarded

MARKET = {"venue": "binance-usdm", "symbol": "BTCUSDT"}


class Keyed(NamedTuple):
    """Where it answers, and its guard."""

    port: int
    guarded: Guarded

    @property
    def http(self) -> str:
        """URL of REST."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def stream(self) -> str:
        """URL of the stream."""
        return f"ws://127.0.0.1:{self.port}/v1/stream"


@asynccontextmanager
async def keyed(**given: object) -> AsyncIterator[Keyed]:
    """Serve; keys are looked at again twice a second."""
    settings = Settings.model_validate({"require_keys": "always", "key_cache_s": 0, **given})
    clock = Still()
    stores = memory_stores(clock)
    await filled(stores)
    queries, random = Queries(stores, clock, settings), Random(0)  # noqa: S311  paces nothing
    hub, guarded = Hub(queries, stores, clock, settings, random), Guarded(clock, settings)
    stream = build_stream(hub, Readers(settings), clock, settings, guarded.stream)
    app = create_app(
        queries=queries,
        operations=Operations([], settings, clock),
        clock=clock,
        settings=settings,
        guard=guarded.edge,
        routers=[stream],
    )
    config = uvicorn.Config(app, log_config=None, ws="websockets-sansio")
    server = uvicorn.Server(config)
    with bound("127.0.0.1", 0) as listener:
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(hub.run()), group.create_task(guarded.rounds.run())]
            serving = group.create_task(server.serve([listener]))
            try:
                yield Keyed(listener.getsockname()[1], guarded)
            finally:
                server.should_exit = True
                await serving
                for task in working:
                    task.cancel()
