"""The whole measurement: open what can be reached, fill it, weigh it, then measure in turns."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from cloud_marketdata.bench.storage import cold, hot, mongo, objects, redis, warm
from cloud_marketdata.bench.storage.peers import PEERS, Peer
from cloud_marketdata.bench.storage.rates import Case, Rate, measure
from cloud_marketdata.bench.storage.sizes import Size, size, sqlite_bytes
from cloud_marketdata.bench.storage.tape import Source, Tape, day_of, read_tape
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.embedded import open_embedded_hot, open_embedded_warm

_SQLITE: Final = "SQLite"


class Plan(NamedTuple):
    """What to store, and how often each case is measured.

    minutes: how long the stored tape is. profiles: how many minutes have a profile, of one day.
    """

    source: Source
    rounds: int
    minutes: int
    profiles: int


class Stored(Struct, frozen=True):
    """Trades of how many recorded minutes, and what was made of them."""

    venue: str
    symbol: str
    recorded_minutes: int
    recorded_trades: int
    minutes: int
    trades: int
    profiles: int
    rounds: int


class Measured(Struct, frozen=True):
    """All that came of it."""

    stored: Stored
    sizes: list[Size]
    rates: list[Rate]
    peers: Sequence[Peer]


class Bench:
    """One run; `sizes` and `cases` grow as the tiers are filled."""

    def __init__(self, plan: Plan, settings: Settings, clock: Clock, folder: Path) -> None:
        self.sizes: list[Size] = []
        self.cases: list[Case] = []
        self._plan = plan
        self._settings = settings
        self._clock = clock
        self._folder = folder

    async def run(self) -> Measured:
        """Measure; raises StorageError where a tier that was named cannot be used."""
        plan = self._plan
        tape = read_tape(plan.source)
        load = hot.Load(tape, tape.long(plan.minutes), plan.minutes)
        async with AsyncExitStack() as stack:
            await self._hot(stack, load)
            await self._warm_and_cold(stack, tape)
            rates = await measure(self.cases, plan.rounds, self._clock)
        return Measured(self._stored(load), self.sizes, rates, PEERS)

    async def _hot(self, stack: AsyncExitStack, load: hot.Load) -> None:
        path = self._folder / "hot.db"
        part = await stack.enter_async_context(open_embedded_hot(self._folder, self._clock, 0))

        async def weigh(_: object) -> dict[str, int]:
            return {"pages": sqlite_bytes(path)}

        embedded = hot.Hot(_SQLITE, part, weigh)
        self.sizes += await hot.fill(embedded, load)
        self.cases += [hot.packing(load), *hot.cases(embedded, load, bare=False)]
        if self._settings.redis_url:
            opened = redis.opened(self._settings, self._clock)
            served, bare = await stack.enter_async_context(opened)
            self.sizes += await hot.fill(served, load)
            self.cases += [*hot.cases(served, load, bare=True), *bare.cases(load)]

    async def _warm_and_cold(self, stack: AsyncExitStack, tape: Tape) -> None:
        minutes = tape.long_buckets(Timeframe.M1, self._plan.profiles)
        seconds = tape.long_buckets(Timeframe.S1, self._plan.minutes * 60)
        day, hours = day_of(minutes)
        buckets = {
            Timeframe.S1: seconds,
            Timeframe.M1: minutes,
            Timeframe.H1: hours,
            Timeframe.D1: [day],
        }
        await self._warm(stack, buckets)
        await self._cold(objects.folder(self._folder), cold.ClosedDay(day, hours))
        if self._settings.s3_bucket:
            bucket = await stack.enter_async_context(objects.opened(self._settings))
            await self._cold(bucket, cold.ClosedDay(day, hours))

    async def _warm(self, stack: AsyncExitStack, buckets: warm.Buckets) -> None:
        path = self._folder / "warm.db"
        part = await stack.enter_async_context(open_embedded_warm(self._folder))

        async def weigh(_: object) -> dict[str, int]:
            return {"pages": sqlite_bytes(path)}

        embedded = warm.Warm(_SQLITE, part, weigh)
        self.sizes += await warm.fill(embedded, buckets)
        self.cases += warm.cases(embedded, buckets, bare=False)
        if self._settings.mongodb_url:
            served, bare = await stack.enter_async_context(mongo.opened(self._settings))
            self.sizes += await warm.fill(served, buckets)
            for timeframe, (number, held) in sorted((await bare.bson()).items()):
                what = f"{timeframe} bucket as BSON"
                self.sizes.append(size(warm.TIER, mongo.ENGINE, what, number, {"bson": held}))
            self.cases += [*warm.cases(served, buckets, bare=True), *await bare.cases()]

    async def _cold(self, opened: cold.Cold, closed: cold.ClosedDay) -> None:
        self.sizes += await cold.fill(opened, closed)
        self.cases += await cold.cases(opened, closed)

    def _stored(self, load: hot.Load) -> Stored:
        tape, plan = load.tape, self._plan
        return Stored(
            venue=tape.instrument.venue,
            symbol=tape.instrument.symbol,
            recorded_minutes=tape.length // Timeframe.M1.ns,
            recorded_trades=len(tape.trades),
            minutes=plan.minutes,
            trades=len(load.long),
            profiles=plan.profiles,
            rounds=plan.rounds,
        )
