"""The service as `run --role serve` starts it, its log in memory, and clients of its stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from msgspec import json
from websockets.asyncio.client import ClientConnection, connect

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.hosting import bound_for_readers
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.main import Service
from cloud_marketdata.storage.deployment import Deployment, open_stores
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stores, Stream, StreamKind

BTC = Instrument(Venue.BYBIT_LINEAR, "BTCUSDT", Scale(Decimal("0.1"), Decimal("0.001")))
TRADES = {"name": "trades", "venue": "bybit-linear", "symbol": "BTCUSDT"}
DEPTH = {"name": "depth", "venue": "bybit-linear", "symbol": "BTCUSDT", "levels": 200}
STREAM = Stream(BTC.venue, BTC.symbol, StreamKind.TRADES)


class Streamed(NamedTuple):
    """A running service."""

    port: int
    service: Service
    stores: Stores
    stopped: asyncio.Event

    @property
    def url(self) -> str:
        """Where REST answers."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, **options: Any) -> connect:  # noqa: ANN401  the client's own
        """Connect to the stream."""
        return connect(f"ws://127.0.0.1:{self.port}/v1/stream", proxy=None, **options)

    async def append(self, first: int, count: int) -> None:
        """Append one entry of trades, numbered."""
        now = SystemClock().now()
        trades = [
            TradeEvent(BTC, f"t{n}", 617_000 + n, 1, Side.BUY, now, now, n)
            for n in range(first, first + count)
        ]
        await self.stores.log.append([Batch(STREAM, trades)])

    async def publish(self, update: int) -> None:
        """Publish a book of 200 levels a side, each of which has another size than before."""
        now = SystemClock().now()
        bids = tuple((617_000 - at, 1 + (update + at) % 1000) for at in range(200))
        asks = tuple((617_001 + at, 1 + (update + at) % 1000) for at in range(200))
        view = BookView(BTC, BookState.SYNCED, update, now, now, bids, asks)
        await self.stores.books.publish([view])


@asynccontextmanager
async def streaming(**settings: float) -> AsyncIterator[Streamed]:
    """Run the service until the block ends."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        given = {"role": "serve", "storage": "memory", "data_dir": folder, **settings}
        chosen = Settings.model_validate(given)
        clock, random = SystemClock(), SystemRandom()
        opened = open_stores(Deployment(chosen, clock, random, appends=True))
        stores = await stack.enter_async_context(opened)
        await stores.instruments.save([BTC])
        service = Service(chosen, stores, clock, random)
        stopped = asyncio.Event()
        with bound_for_readers("127.0.0.1", 0) as listener:
            async with asyncio.TaskGroup() as group:
                group.create_task(service.run(stopped, listener))
                try:
                    yield Streamed(listener.getsockname()[1], service, stores, stopped)
                finally:
                    stopped.set()


async def ask(client: ClientConnection, message: object) -> Any:  # noqa: ANN401  JSON
    """Send a request and return what comes next."""
    await client.send(json.encode(message).decode())
    return await hear(client)


async def hear(client: ClientConnection) -> Any:  # noqa: ANN401  JSON
    """Return the next message."""
    return json.decode(await asyncio.wait_for(client.recv(), 30))


def subscribe(*channels: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return a request."""
    return {"op": "subscribe", "id": 1, "channels": list(channels), **more}
