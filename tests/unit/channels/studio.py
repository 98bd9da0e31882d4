"""A hub over stores in memory, in a time that the test moves, and listeners that note all they get.

What a listener was told is kept as decoded JSON, so tests see what a client sees.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from random import Random

import msgspec
from tape import BASE, MINUTE, Market, trade

from cloud_marketdata.api.markets import trade_data
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.stream.hub import Hub
from cloud_marketdata.api.stream.ports import Channel, ChannelName, Frame, Since
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.ports import Stores

NOW = BASE + 10 * MINUTE
VENUE, SYMBOL = "binance-usdm", "BTCUSDT"


def channel(name: str, **params: str | int | bool) -> Channel:
    return Channel(ChannelName(name), VENUE, SYMBOL, tuple(sorted(params.items())))


def written(trades: list[TradeEvent]) -> list[dict]:
    """Return trades as REST writes them."""
    return [trade_data(one).model_dump() for one in trades]


def now_trade(sequence: int, ago_s: int = 0) -> TradeEvent:
    """Return a trade that was received so long before the studio's first moment."""
    return trade(sequence, 10 * 60_000 - ago_s * 1000)


class MovedClock:
    """Time passes when the test moves it; sleepers wake in their order."""

    def __init__(self, now: int = NOW) -> None:
        self.began = self.time = now
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []

    def now(self) -> int:
        """Tell the time."""
        return self.time

    def monotonic(self) -> float:
        """Tell seconds."""
        return (self.time - self.began) / NS_PER_S

    async def sleep(self, seconds: float) -> None:
        """Sleep until the test has moved so far; zero yields."""
        if not seconds:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        at = self.time + round(seconds * NS_PER_S)
        heapq.heappush(self._sleepers, (at, next(self._order), woken))
        await woken.wait()

    async def move(self, seconds: float) -> None:
        """Let time pass, sleeper by sleeper."""
        end = self.time + round(seconds * NS_PER_S)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            self.time = max(self.time, at)
            woken.set()
            await settle()
        self.time = max(self.time, end)


async def settle(turns: int = 40) -> None:
    """Let everybody run until they wait again."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Ear:
    """A listener; `roomy` says whether a replay may go on."""

    def __init__(self) -> None:
        self.frames: list[dict] = []
        self.texts: list[Frame] = []
        self.roomy = asyncio.Event()
        self.roomy.set()

    def offer(self, _channel: Channel, frame: Frame) -> None:
        """Note a frame."""
        self.texts.append(frame)
        self.frames.append(msgspec.json.decode(frame.text))

    async def room(self) -> None:
        """Return when there is room."""
        await self.roomy.wait()

    def of(self, kind: str) -> list[dict]:
        """Return the frames of one kind."""
        return [frame for frame in self.frames if frame["type"] == kind]

    def trades(self) -> list[dict]:
        """Return the trades of all updates in their order."""
        return [trade for frame in self.of("update") for trade in frame["data"]]


class Studio:
    """One market and a hub that runs."""

    def __init__(self, clock: MovedClock, stores: Stores | None = None, **settings: object) -> None:
        self.clock = clock
        self.settings = Settings(**{"storage": "memory"} | settings)
        self.market = Market(clock=clock, stores=stores)
        self.stores = self.market.stores
        self.market.queries = Queries(self.stores, clock, self.settings)
        random = Random(1)  # noqa: S311  delays are no secret
        self.hub = Hub(self.market.queries, self.stores, clock, self.settings, random)

    async def listen(
        self, to: Channel, *, snapshot: bool = True, since: Since | None = None
    ) -> Ear:
        """Join as a client does: checked first."""
        ear = Ear()
        await self.hub.check(to)
        await self.hub.join(to, ear, snapshot=snapshot, since=since)
        return ear


@asynccontextmanager
async def studio(
    stores: Stores | None = None, now: int = NOW, **settings: object
) -> AsyncIterator[Studio]:
    """Run a hub while the test does its work."""
    made = Studio(MovedClock(now), stores, **settings)
    await made.market.open()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(made.hub.run())
        await settle()
        yield made
        running.cancel()
