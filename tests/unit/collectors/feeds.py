"""A feed in virtual time over real stores: its wires, its venue's REST, and its log."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

from frames import agg, js, wrapped
from sessions import Answers, spot_book
from virtual import Network, VirtualClock, Wire, turns

from cloud_marketdata.collectors.feed import Feed
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.roster import Roster
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stores, Stream, StreamKind

VENUE = Venue.BINANCE_SPOT
NOT_LISTED = b'{"code":-1121,"msg":"Invalid symbol."}'


def info(*symbols: str, status: str = "TRADING", quote: str = "USDT") -> bytes:
    """Return an exchangeInfo that lists symbols."""
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00001"},
    ]
    rows = [{"symbol": s, "status": status, "quoteAsset": quote} for s in symbols]
    return js({"symbols": [row | {"filters": filters} for row in rows]})


def traded(**volumes: str) -> bytes:
    """Return a ticker/24hr of quote volumes."""
    return js([{"symbol": s, "quoteVolume": volume} for s, volume in volumes.items()])


def trade(symbol: str, number: int) -> bytes:
    """Return an `@aggTrade` of a symbol."""
    return wrapped(f"{symbol.lower()}@aggTrade", agg(s=symbol, a=number, f=number, l=number))


class Venues(Answers):
    """A REST that lists some symbols, or is away."""

    def __init__(self, *listed: str) -> None:
        super().__init__()
        self.away = False
        self.breaker = CircuitBreaker(5, 30.0, monotonic=lambda: 0.0)
        self.bodies["/exchangeInfo?symbol="] = NOT_LISTED
        self.bodies["/depth"] = spot_book(10)
        self.bodies.update({f"exchangeInfo?symbol={s}": info(s) for s in listed})

    async def get(self, ask) -> bytes:
        """See Rest."""
        if self.away:
            self.asked.append(ask.path)
            msg = "away"
            raise VenueError(msg)
        return await super().get(ask)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Venues"]:
        """See feed.Door."""
        yield self

    def detail(self) -> dict[str, object]:
        """See feed.Door."""
        return {}


class FeedWorld:
    """One venue: its feed, and the roster that tells it what to collect."""

    def __init__(
        self,
        *symbols: str,
        stores: Callable[[Stores], Stores] = lambda made: made,
        **settings: object,
    ) -> None:
        self.clock = VirtualClock()
        self.network = Network(self.clock)
        self.rest = Venues("BTCUSDT", "ETHUSDT", "SOLUSDT")
        self.stores = stores(memory_stores(self.clock))
        self.rejections = Rejections()
        self.settings = Settings(symbols={VENUE: symbols}, **settings)
        self.writer = LogWriter(self.stores, self.rejections, self.clock, events_max=10_000)
        self.feed = Feed(
            VENUE,
            self.settings,
            stores=self.stores,
            writer=self.writer,
            rejections=self.rejections,
            door=self.rest,
            connect=self.network.connect,
            clock=self.clock,
            random=Random(1),  # noqa: S311  a seed must repeat
        )
        self.roster = Roster(self.feed, self.rest.open, self.settings, self.clock, Random(2))  # noqa: S311  the same

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run feed, roster and writer while the block runs."""
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self.writer.run())
            tasks = [group.create_task(run()) for run in (self.feed.run, self.roster.run)]
            await turns(100)
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.writer.close()
            await writing

    @property
    def wire(self) -> Wire:
        """The connection that was opened last."""
        return self.network.wires[-1]

    async def trades(self, symbol: str) -> list[int]:
        """Return the ids of a symbol's trades in the log, in order."""
        await self.clock.move(0.1)
        stream = Stream(VENUE, symbol, StreamKind.TRADES)
        records = await self.stores.log.read(stream, after=0, limit=1000)
        return [event.id for record in records for event in record.events]


def topics(wire: Wire, method: str = "SUBSCRIBE") -> list[str]:
    """Return what was asked on a wire, in order."""
    commands = [payload for payload in wire.sent if method.encode() in payload.split(b",")[0]]
    return [topic for command in commands for topic in json.loads(command)["params"]]
