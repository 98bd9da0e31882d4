"""Profiles of random ranges over a long tape, each held against brute force over the raw trades.

The tape is seeded; its minutes, hours and days are folded by the production code and stored in the
embedded warm tier, and every question takes the way of a request: stored buckets, time tree, rows.
Brute force shares no code with it: it counts the raw trades' columns. Its sums stay below 2^53,
where the counting is exact, and it refuses to go on where they would not.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import ProfileQuestion
from cloud_marketdata.api.stitching import read_rows
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.timetree import most_nodes
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe, Venue, parse_decimal
from cloud_marketdata.storage.deployment import Deployment, open_stores
from cloud_marketdata.storage.ports import Stores

START: Final = 1_723_075_200 * 1_000_000_000
"""A midnight; a Thursday."""
_EXACT: Final = 1 << 53
_SAVED_AT_ONCE: Final = 200
_COARSE: Final = 100

Column = npt.NDArray[np.int64]


class Plan(NamedTuple):
    """How many trades over how many days, and how many ranges of them.

    step: by how many ticks at most the price moves from one trade to the next.
    """

    trades: int
    days: int
    ranges: int
    seed: int = 7
    step: int = 3


class Trades(NamedTuple):
    """Raw trades as columns, ascending by time in ns; `buy` is 1 or 0."""

    time: Column
    price: Column
    size: Column
    buy: Column

    def between(self, within: TimeRange) -> "Trades":
        """Return the trades of a range."""
        first, last = np.searchsorted(self.time, np.array(within))
        return Trades(*(column[first:last] for column in self))


def made(plan: Plan) -> Trades:
    """Return a seeded tape: a price that walks at random, and sizes with a heavy tail."""
    random = np.random.default_rng(plan.seed)
    span = plan.days * Timeframe.D1.ns
    time = np.sort(random.integers(0, span // NS_PER_MS, plan.trades)) * NS_PER_MS + START
    steps = random.integers(-plan.step, plan.step + 1, plan.trades)
    price = 600_000 + np.abs(np.cumsum(steps) % 40_000 - 20_000)
    size = random.integers(1, 50, plan.trades) * random.integers(1, 50, plan.trades)
    return Trades(time, price, size, random.integers(0, 2, plan.trades))


async def measure(plan: Plan, folder: Path, clock: Clock, random: Random) -> dict[str, Any]:
    """Return what was found: ranges that were right, merges, and milliseconds a question took."""
    settings = Settings(storage="embedded", data_dir=folder)
    tape = made(plan)
    async with open_stores(Deployment(settings, clock, random, appends=False)) as stores:
        await stores.instruments.save([INSTRUMENT])
        await store(stores, tape, plan)
        runs = Runs(stores, tape, Queries(stores, clock, settings))
        span = plan.days * Timeframe.D1.ns
        asked = list(_ranges(random, span, plan.ranges))
        found = [await runs.read(within) for within in asked]
        again = [await runs.read(within) for within in asked]
        answers = [[await runs.answer(within, rows) for within in asked] for rows in (1, _COARSE)]
    return {
        "trades": plan.trades,
        "days": plan.days,
        "ranges": plan.ranges,
        "equal": sum(one.equal for one in found + again),
        "of": len(found + again),
        "bound": most_nodes(span),
        "merged_first": _spread([one.merged for one in found]),
        "merged_again": _spread([one.merged for one in again]),
        "read_first_ms": _spread([one.ms for one in found]),
        "read_again_ms": _spread([one.ms for one in again]),
        "answer_1_tick_ms": _spread(answers[0]),
        "answer_coarse_ms": _spread(answers[1]),
    }


class Run(NamedTuple):
    """One range: whether it was right, how many sums were merged, and how long it took."""

    equal: bool
    merged: int
    ms: float


class Runs:
    """Asks for ranges, with what earlier questions left behind."""

    def __init__(self, stores: Stores, tape: Trades, queries: Queries) -> None:
        self._stores = stores
        self._tape = tape
        self._queries = queries

    async def read(self, within: TimeRange) -> Run:
        """Read a range's rows at one tick and hold them against the raw trades."""
        queries = self._queries
        reader = TileReader(self._stores, INSTRUMENT, queries.answers, queries.trees)
        before = queries.trees.counts["merged"]
        began = perf_counter()
        reading = await read_rows(reader, within, exact=True)
        whole = combined(reading.parts, Timeframe.D1, 0)
        took = perf_counter() - began
        merged = queries.trees.counts["merged"] - before + len(reading.parts)
        right = whole.profile.table() if whole else [[] for _ in range(7)]
        return Run(right == brute_force(self._tape.between(within)), merged, took * 1000)

    async def answer(self, within: TimeRange, row_ticks: int) -> float:
        """Return how many milliseconds a whole answer takes, its model included."""
        question = ProfileQuestion(
            venue=INSTRUMENT.venue.value,
            symbol=INSTRUMENT.symbol,
            start=within.start // NS_PER_MS,
            end=within.end // NS_PER_MS,
            row_ticks=row_ticks,
        )
        began = perf_counter()
        await self._queries.volume_profile(question)
        return (perf_counter() - began) * 1000


def brute_force(trades: Trades) -> list[list[int]]:
    """Return the seven columns of a profile, counted from raw trades."""
    if not len(trades.time):
        return [[] for _ in range(7)]
    low = int(trades.price.min())
    quote = trades.price * trades.size
    at = trades.price - low
    if int(quote.max()) * int(np.bincount(at).max()) >= _EXACT:
        msg = "the sums would not be exact"
        raise OverflowError(msg)
    columns = [
        np.bincount(at[trades.buy == side], weights=values[trades.buy == side], minlength=1)
        for values in (trades.size, quote, np.ones_like(quote))
        for side in (1, 0)
    ]
    length = max(map(len, columns))
    table = np.array([np.pad(column, (0, length - len(column))) for column in columns])
    used = np.flatnonzero(table[4] + table[5])
    return [(used + low).tolist(), *table[:, used].astype(np.int64).tolist()]


INSTRUMENT: Final = Instrument(
    Venue.BINANCE_USDM, "BTCUSDT", Scale(parse_decimal("0.1"), parse_decimal("0.001"))
)


async def store(stores: Stores, tape: Trades, plan: Plan) -> None:
    """Fold the tape and store every minute, hour and day, in the order of a worker's saves."""
    for at in range(plan.days):
        day = TimeRange(START + at * Timeframe.D1.ns, START + (at + 1) * Timeframe.D1.ns)
        minutes = list(_minutes(tape.between(day)))
        hours = _sums(minutes, Timeframe.H1)
        buckets = [*minutes, *hours, *_sums(hours, Timeframe.D1)]
        for first in range(0, len(buckets), _SAVED_AT_ONCE):
            await stores.aggregates.save(buckets[first : first + _SAVED_AT_ONCE])


def _minutes(trades: Trades) -> Iterator[Aggregate]:
    bucket: Aggregate | None = None
    numbered = zip(*(column.tolist() for column in trades), strict=True)
    for sequence, (time, price, size, buy) in enumerate(numbered):
        if bucket is None or time >= bucket.end:
            if bucket is not None:
                yield bucket
            bucket = Aggregate(INSTRUMENT, Timeframe.M1, Timeframe.M1.floor(time))
            bucket.position, bucket.final = 1, True
        side = Side.BUY if buy else Side.SELL
        bucket.add(TradeEvent(INSTRUMENT, sequence, price, size, side, time, time, sequence))
    if bucket is not None:
        yield bucket


def _sums(parts: list[Aggregate], timeframe: Timeframe) -> list[Aggregate]:
    starts = sorted({timeframe.floor(part.start) for part in parts})
    inside = {start: [p for p in parts if timeframe.floor(p.start) == start] for start in starts}
    sums = (combined(inside[start], timeframe, start) for start in starts)
    return [one for one in sums if one is not None]


def _ranges(random: Random, span: int, count: int) -> Iterator[TimeRange]:
    """Yield ranges of whole minutes, of every length alike."""
    minutes = span // Timeframe.M1.ns
    for _ in range(count):
        first, last = sorted(random.sample(range(minutes + 1), 2))
        yield TimeRange(START + first * Timeframe.M1.ns, START + last * Timeframe.M1.ns)


def _spread(values: list[float] | list[int]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
        "max": round(ordered[-1], 2),
    }
