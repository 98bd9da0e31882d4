"""The laws of reading hold with the real worker: restarts, late trades, trims and all."""

import asyncio
from random import Random

import pytest
from tape import BASE, Market, brute, read_tape, trade

from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.aggregate import combined
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe
from cloud_marketdata.processing.tally import Tally
from cloud_marketdata.processing.worker import Worker

STEPS_MS = (0, 1, 500, 3_000, 70_000, 1_800_000)
LATE_MS = (100, 5_000, 100_000, 4_000_000)


class Scene:
    """A market, its worker, and a random tape that goes on in steps."""

    def __init__(self, market: Market, random: Random) -> None:
        self.market, self.random = market, random
        self.trades: list[TradeEvent] = []
        self.entries = self.sequence = 0
        self.time = random.choice((-108_000_000, -10_800_000, 0))
        self.hot_minutes = random.choice((60, 10**6))

    async def start(self) -> None:
        """Start the worker, or start it again as after a crash."""
        self.worker = Worker(
            self.market.stream,
            self.market.stores,
            self.market.clock,
            Settings().model_copy(update={"hot_minutes": self.hot_minutes}),
            fence=0,
            tally=Tally(),
        )
        await self.worker.restore()

    async def go_on(self) -> None:
        """Log some trades, a few of them late, and let the worker do as much as chance wants."""
        batch = [self._trade() for _ in range(self.random.randint(1, 5))]
        self.trades += batch
        self.entries += 1
        await self.market.append(batch)
        chance = self.random.random()
        if chance < 0.5:
            await self.worker.step()
        if chance < 0.3:
            await self.worker.save()
        if chance < 0.05:
            await self.start()

    async def check(self) -> None:
        """Read a random range and compare it with the raw trades."""
        ends = (self.time - self.random.randint(-100_000, 10_000_000) for _ in range(2))
        low, high = sorted(ends)
        asked = TimeRange(BASE + low * NS_PER_MS, BASE + (high + 1) * NS_PER_MS)
        reading = await read_tape(self.market.stores, asked)
        kept = await self.market.stores.log.read(self.market.stream, limit=10**6)
        assert reading.range == asked or len(kept) < self.entries
        ours = combined(reading.parts, Timeframe.D1, 0)
        theirs = brute(self.trades, *reading.range)
        assert (ours and list(ours.lines())) == (theirs and list(theirs.lines()))

    def _trade(self) -> TradeEvent:
        random = self.random
        self.time += random.choice(STEPS_MS)
        late = random.choice(LATE_MS) if random.random() < 0.2 else 0
        self.sequence += random.randint(1, 2)
        price, size = 617_000 + random.randint(0, 20), random.randint(1, 9)
        return trade(self.sequence, self.time - late, price, size, random.choice(list(Side)))


@pytest.mark.parametrize("seed", range(8))
def test_any_range_equals_brute_force_beside_the_real_worker(seed: int) -> None:
    async def scenes() -> None:
        for number in range(12):
            random = Random(seed * 1_000 + number)  # noqa: S311 - a test that can be repeated
            scene = Scene(await Market().open(), random)
            await scene.start()
            for _ in range(random.randint(1, 25)):
                await scene.go_on()
                if random.random() < 0.4:
                    await scene.check()

    asyncio.run(scenes())
