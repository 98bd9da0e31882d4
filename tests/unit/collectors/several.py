"""Several collectors of one venue in virtual time, over the same stores."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from exchanges import SYMBOLS, Exchange, Subscribed
from msgspec.structs import replace
from virtual import VirtualClock, turns

from cloud_marketdata.collectors.feed import Feed
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.sharing.heirs import Heirs
from cloud_marketdata.collectors.sharing.share import Share
from cloud_marketdata.collectors.sharing.tenures import Tenures
from cloud_marketdata.collectors.writer import LogWriter
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.events import StatusEvent
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.coverage import read_ledger
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Stream, StreamKind

LEASE_S = 2.0
TICK_S = 0.25


class ProcessClock:
    """The clock of one process: while that is paused nobody in it wakes up."""

    def __init__(self, clock: VirtualClock) -> None:
        self.paused = False
        self._clock = clock
        self._runs = asyncio.Event()
        self._runs.set()

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep, and on while the process is paused."""
        await self._clock.sleep(seconds)
        await self._runs.wait()

    def pause(self) -> None:
        """Let nobody wake."""
        self.paused = True
        self._runs.clear()

    def resume(self) -> None:
        """Let them wake again."""
        self.paused = False
        self._runs.set()


class Reached:
    """A store as one process reaches it, or does not."""

    def __init__(self, store, process: "Collector") -> None:
        self._store = store
        self._process = process

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._store, name)

        async def reach(*values: object, **named: object) -> Any:  # noqa: ANN401  as it comes
            if name == "append":
                await self._process.clock.sleep(self._process.append_s)
            if self._process.cut_off:
                raise StorageError("away")
            return await call(*values, **named)

        return reach


class Collector:
    """One process; it may be started once."""

    def __init__(self, name: str, world: "Several") -> None:
        self.name = name
        self.cut_off = False
        self.append_s = 0.0
        self.wires: list = []
        self.clock = ProcessClock(world.clock)
        self._world = world
        exchange, settings, clock = world.exchange, world.settings, self.clock
        stores = replace(
            world.stores,
            log=Reached(world.stores.log, self),
            trades=Reached(world.stores.trades, self),
            leases=Reached(world.stores.leases, self),
            members=Reached(world.stores.members, self),
        )
        rejections = Rejections()
        self.writer = LogWriter(stores, rejections, clock, events_max=100_000)
        self.breaker = CircuitBreaker(5, 30.0, monotonic=clock.monotonic)
        self.feed = Feed(
            exchange.venue,
            settings,
            stores=stores,
            writer=self.writer,
            rejections=rejections,
            door=self,
            connect=self._connect,
            clock=clock,
            random=Random(name),  # noqa: S311  a seed must repeat
        )
        self.members = Membership(stores.members, "collect", name, seconds=LEASE_S, clock=clock)
        tenures = Tenures(exchange.venue, stores, name, LEASE_S, clock)
        heirs = Heirs(exchange.venue, stores.members, name, LEASE_S, clock)
        copies = settings.collect_copies
        self.share = Share(self.feed, tenures, heirs, self.members, clock, copies=copies)
        self._tasks: list[asyncio.Task] = []
        self._writing: asyncio.Task

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Exchange]:
        """See feed.Door."""
        yield self._world.exchange

    def detail(self) -> dict[str, object]:
        """See feed.Door."""
        return {}

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin."""
        self._writing = group.create_task(self.writer.run())
        runs = (self.members.run, self.feed.run, self.share.run)
        self._tasks = [group.create_task(run()) for run in runs]

    def pause(self) -> None:
        """Stand still, like a process that gets no time."""
        self.clock.pause()

    def resume(self) -> None:
        """Go on, with all that has come meanwhile."""
        self.clock.resume()
        for wire in self.wires:
            wire.flush()

    async def kill(self) -> None:
        """End at once; what is not in the log is lost."""
        await self._end([self._writing, *self._tasks])

    async def stop(self) -> None:
        """End in order, as roles.collecting and main do."""
        await self.members.leave()
        if self.members.living:
            await self.share.handed_over(LEASE_S + 5)
        await self._end(self._tasks)
        self.writer.close()
        await self._writing
        await self.share.end()

    async def _end(self, tasks: list[asyncio.Task]) -> None:
        for wire in self.wires:
            wire.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self, url: str, receiver) -> Subscribed:
        self.wires.append(self._world.exchange.wire(url, receiver, self.clock))
        return self.wires[-1]


class Several:
    """The venue, the stores and the processes."""

    def __init__(self, venue: Venue, *, copies: int = 1) -> None:
        self.clock = VirtualClock()
        self.exchange = Exchange(venue, self.clock)
        self.stores = memory_stores(self.clock)
        self.live: dict[str, Collector] = {}
        self.settings = Settings(
            symbols={venue: SYMBOLS}, lease_s=LEASE_S, collect_copies=copies, backoff_first_s=0.1
        )
        self._joined = 0
        self._group: asyncio.TaskGroup

    @asynccontextmanager
    async def running(self, *names: str) -> AsyncIterator["Several"]:
        """Run these processes and end all that live at the end."""
        async with asyncio.TaskGroup() as self._group:
            for name in names:
                self.join(name)
            await self.pass_time(3)
            yield self
            for process in list(self.live.values()):
                await process.kill()

    def joined(self) -> int:
        """Return how many processes were ever started."""
        return self._joined

    def join(self, name: str) -> Collector:
        """Start a process."""
        self._joined += 1
        process = self.live[name] = Collector(name, self)
        process.start(self._group)
        return process

    async def kill(self, name: str) -> None:
        """Kill a process."""
        await self.live.pop(name).kill()

    async def stop(self, name: str) -> None:
        """Stop a process while the venue goes on."""
        stopping = self._group.create_task(self.live.pop(name).stop())
        while not stopping.done():
            await self.pass_time(TICK_S)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass in which the venue trades."""
        for _ in range(round(seconds / TICK_S)):
            self.exchange.tick()
            await self.clock.move(TICK_S)

    async def settle(self, seconds: float = 30) -> None:
        """Let time pass in which nothing is traded, so that all can be appended and filled."""
        await self.clock.move(seconds)
        await turns(50)

    def owners(self) -> dict[str, list[str]]:
        """Return who collects each symbol."""
        return {s: [n for n, p in self.live.items() if s in p.feed.collected] for s in SYMBOLS}

    async def logged(self, symbol: str) -> list[int | str]:
        """Return the ids of the trades in the log, as they stand there."""
        stream = Stream(self.exchange.venue, symbol, StreamKind.TRADES)
        records = await self.stores.log.read(stream, limit=1_000_000)
        return [event.id for record in records for event in record.events]

    async def facts(self, symbol: str) -> list[StatusEvent]:
        """Return the facts in the log, in order."""
        stream = Stream(self.exchange.venue, symbol, StreamKind.STATUS)
        records = await self.stores.log.read(stream, limit=1_000_000)
        return [event for record in records for event in record.events]

    async def ledger(self, symbol: str):
        """Return what the ledger says by now."""
        return await read_ledger(self.stores, self.exchange.venue, symbol)

    async def assert_exactly_once(self) -> None:
        """Every trade since the first logged one is in the log, and none is there twice."""
        for symbol in SYMBOLS:
            logged, made = await self.logged(symbol), self.exchange.ids(symbol)
            twice = [number for number, count in Counter(logged).items() if count > 1]
            assert not twice, f"{symbol}: twice {twice[:5]}"
            since = made.index(min(logged, key=made.index))
            missing = [number for number in made[since:] if number not in set(logged)]
            assert not missing, f"{symbol}: {len(missing)} of {len(made)} missing: {missing[:5]}"
