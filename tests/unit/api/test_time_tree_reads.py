"""What is kept of earlier readings makes the next ones quicker, and never others."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from msgspec.structs import replace
from tape import BASE, BTC, MINUTE, FixedClock, Market, brute, trade

from cloud_marketdata.api.stitching import read_rows
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.api.timetrees import TimeTrees
from cloud_marketdata.domain.aggregate import combined
from cloud_marketdata.domain.timetree import most_nodes
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.answers import KeptAnswers

SPAN_M = 150


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a tape must repeat


class Readers:
    """A market that trades and is saved, and two readers: one that remembers, one that does not."""

    def __init__(self, random: Random, most_bytes: int = 1 << 26) -> None:
        self.random = random
        self.trades = []
        self.trees = TimeTrees(most_bytes)
        self.newest_ms = 0

    async def open(self) -> "Readers":
        """Open the market."""
        self.market = await Market(clock=FixedClock()).open()
        return self

    async def trade_on(self) -> None:
        """Append some trades, one in five of them late, and save half of the time."""
        batch = []
        for _ in range(self.random.randrange(1, 12)):
            self.newest_ms = min(self.newest_ms + self.random.randrange(40_000), SPAN_M * 60_000)
            late = not self.random.randrange(5)
            at = self.random.randrange(self.newest_ms + 1) if late else self.newest_ms
            price = 617_000 + self.random.randrange(40)
            batch.append(trade(100 + len(self.trades) + len(batch), at, price=price))
        self.trades += batch
        await self.market.append(batch)
        if self.random.randrange(2):
            await self.market.save(BASE + self.newest_ms * 1_000_000 - MINUTE)

    async def read(self, within: TimeRange):
        """Read a range with what earlier readings left."""
        stores = self.market.stores
        reader = TileReader(stores, BTC, KeptAnswers(stores.cache), self.trees)
        return await read_rows(reader, within, exact=False)

    def any_range(self) -> TimeRange:
        """Return a range that begins and ends anywhere, on whole minutes two times of three."""
        first, last = sorted(self.random.sample(range(-5, SPAN_M + 5), 2))
        odd = self.random.choice((0, 0, 17_000_000_000))
        return TimeRange(BASE + first * MINUTE + odd, BASE + last * MINUTE + odd)


@pytest.mark.parametrize("most_bytes", [1 << 26, 20_000])
@pytest.mark.parametrize("seed", range(3))
def test_readings_between_trades_saves_and_late_trades_equal_brute_force(seed, most_bytes):
    async def law() -> None:
        readers = await Readers(seeded(seed), most_bytes).open()
        for _ in range(30):
            await readers.trade_on()
            asked = [readers.any_range() for _ in range(3)]
            readings = await asyncio.gather(*map(readers.read, asked))
            for within, reading in zip(asked, readings, strict=True):
                assert reading.range == within
                want = brute(readers.trades, *within)
                got = combined(reading.parts, Timeframe.D1, 0)
                assert (got and list(got.lines())) == (want and list(want.lines()))
        assert readers.trees.counts["found"] > 0
        assert readers.trees.counts["outdated"] > 0
        assert most_bytes > 1 << 20 or readers.trees.counts["evicted"] > 0

    asyncio.run(law())


class Interrupted:
    """A real port; what comes in between happens once, behind an answer to `find_by_range`."""

    def __init__(self, port: object) -> None:
        self._port = port
        self.between: Callable[[], Awaitable[None]] | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._port, name)

    async def find_by_range(self, *asked: object) -> object:
        """Answer, and then let the others have their turn."""
        answer = await self._port.find_by_range(*asked)
        between, self.between = self.between, None
        if between:
            await between()
        return answer


def test_what_was_read_before_a_save_is_not_kept_where_another_looked_behind_it():
    async def law() -> None:
        readers = await Readers(seeded(5)).open()
        while readers.newest_ms < SPAN_M * 60_000:
            await readers.trade_on()
        await readers.market.save(BASE + SPAN_M * MINUTE)
        stores = readers.market.stores
        port = Interrupted(stores.aggregates)
        readers.market.stores = replace(stores, aggregates=port)
        elsewhere = TimeRange(BASE + 60 * MINUTE, BASE + 61 * MINUTE)
        within = TimeRange(BASE + 10 * MINUTE, BASE + 22 * MINUTE)
        await readers.read(elsewhere)

        async def between() -> None:
            late = trade(10_000, 15 * 60_000)
            readers.trades.append(late)
            await readers.market.append([late])
            await readers.market.save(BASE + SPAN_M * MINUTE)
            await readers.read(elsewhere)

        port.between = between
        for _ in range(2):
            got = combined((await readers.read(within)).parts, Timeframe.D1, 0)
            assert list(got.lines()) == list(brute(readers.trades, *within).lines())

    asyncio.run(law())


def test_a_range_that_was_read_before_costs_no_more_merges_than_its_nodes():
    async def law() -> None:
        readers = await Readers(seeded(7)).open()
        while readers.newest_ms < SPAN_M * 60_000:
            await readers.trade_on()
        await readers.market.save(BASE + SPAN_M * MINUTE)
        within = TimeRange(BASE + 3 * MINUTE, BASE + 139 * MINUTE)
        await readers.read(within)
        merged = readers.trees.counts["merged"]
        again = await readers.read(within)
        assert readers.trees.counts["merged"] == merged
        assert len(again.parts) <= most_nodes(within.end - within.start) < 136

    asyncio.run(law())


def test_a_late_trade_makes_only_its_own_path_new():
    async def law() -> None:
        readers = await Readers(seeded(3)).open()
        while readers.newest_ms < SPAN_M * 60_000:
            await readers.trade_on()
        await readers.market.save(BASE + SPAN_M * MINUTE)
        within = TimeRange(BASE, BASE + 120 * MINUTE)
        await readers.read(within)
        nodes = len(readers.trees._nodes)
        readers.trees.counts["outdated"] = 0
        await readers.market.append([trade(10_000, 61_000)])
        await readers.market.save(BASE + SPAN_M * MINUTE)
        before = readers.trees.counts["made"]
        await readers.read(within)
        assert 0 < readers.trees.counts["outdated"] <= 12
        assert readers.trees.counts["made"] - before <= readers.trees.counts["outdated"] + 12
        assert len(readers.trees._nodes) >= nodes - 12

    asyncio.run(law())
