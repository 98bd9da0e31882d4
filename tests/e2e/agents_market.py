"""A small market in memory that stands still, served over a real socket to agents' own clients."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import uvicorn

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.events import StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_MS, Side, Venue
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stores, Stream, StreamKind
from guarded import Guarded

NOW = 1_723_161_480_000 * NS_PER_MS
SCALE = Scale(Decimal("0.1"), Decimal("0.001"))
MARKETS = [
    Instrument(venue, "BTCUSDT", SCALE) for venue in (Venue.BINANCE_USDM, Venue.BYBIT_LINEAR)
]


class Still:
    """A clock whose days stand still while its waits pass."""

    def now(self) -> int:
        """Tell the time of the market."""
        return NOW

    def monotonic(self) -> float:
        """Tell seconds that really pass."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def tape(market: Instrument, first: int, count: int) -> list[TradeEvent]:
    """Return trades of the last minutes before now."""
    contiguous = market.venue.contiguous_ids
    return [
        TradeEvent(
            market,
            number if contiguous else f"t{number}",
            617_000 + number * 31 % 97,
            1 + number % 7,
            Side.BUY if number % 3 else Side.SELL,
            NOW - (600 - number % 600) * 500 * NS_PER_MS,
            NOW - (600 - number % 600) * 500 * NS_PER_MS,
            number,
        )
        for number in range(first, first + count)
    ]


async def append(stores: Stores, market: Instrument, trades: list[TradeEvent]) -> None:
    """Log trades as one entry."""
    stream = Stream(market.venue, market.symbol, StreamKind.TRADES)
    await stores.log.append([Batch(stream, trades)])


async def filled(stores: Stores) -> None:
    """Fill stores with two markets whose feeds are alive and whose books are in sync."""
    await stores.instruments.save(MARKETS)
    for market in MARKETS:
        await append(stores, market, tape(market, 1, 500))
        alive = StatusEvent(market.venue, market.symbol, StatusKind.ALIVE, NOW, {"trades": 1})
        stream = Stream(market.venue, market.symbol, StreamKind.STATUS)
        await stores.log.append([Batch(stream, [alive])])
        bids = tuple((617_000 - at, 5 + at) for at in range(60))
        asks = tuple((617_001 + at, 5 + at) for at in range(60))
        book = BookView(market, BookState.SYNCED, 5, NOW, NOW, bids, asks, vouched_at=NOW)
        await stores.books.publish([book])


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, Stores]]:
    """Serve the markets; yield the URL of /mcp and the stores behind it."""
    clock = Still()
    stores = memory_stores(clock)
    await filled(stores)
    queries = Queries(stores, clock, Settings())
    app = create_app(
        queries=queries,
        operations=Operations([], Settings(), clock),
        clock=clock,
        settings=Settings(),
        guard=Guarded(clock, Settings()).edge,
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listening]))
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", stores
            finally:
                server.should_exit = True
