"""Trades per second against the number of processors, as one JSON line; for a quiet machine.

A log is filled while the processors sleep; then they wake up and fold it. The figure counts from
that moment until the last market is stored. Rounds of all numbers are interleaved.

Arguments: rounds, and trades a market.
"""

import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Final, NamedTuple

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS), str(_TESTS / "e2e"), str(_TESTS / "outages")]

import pymongo  # noqa: E402  found by the path above
from cluster_market import Venues  # noqa: E402
from cluster_members import Member, cpu_s, environment  # noqa: E402
from cluster_watch import saved_positions  # noqa: E402
from msgspec.structs import replace  # noqa: E402
from processes import eventually  # noqa: E402
from rawlog import RawLog  # noqa: E402

from cloud_marketdata.bench.storage.tape import Source, in_batches, read_tape  # noqa: E402
from cloud_marketdata.core.clock import SystemClock  # noqa: E402
from cloud_marketdata.core.config import Settings  # noqa: E402
from cloud_marketdata.domain.events import TradeEvent  # noqa: E402
from cloud_marketdata.domain.values import NS_PER_MS, Venue  # noqa: E402
from cloud_marketdata.storage.deployment import Deployment, open_stores  # noqa: E402
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind  # noqa: E402
from servers.mongodb import MongoSet  # noqa: E402
from servers.program import Program  # noqa: E402
from servers.redis import RedisServer  # noqa: E402

_NUMBERS: Final = (1, 2, 3)
_MARKETS: Final = 12
_BATCH: Final = 100
_A_CALL: Final = 50
_LEASE_S: Final = 36
# All have heard of each other by then, so nobody has anything to hand over.
_ACQUAINTED_S: Final = _LEASE_S / 3
_MINUTES: Final = 24 * 60


def tape(count: int) -> list[TradeEvent]:
    """Return so many trades of a seeded market, the last of which is now."""
    trades = read_tape(Source(Venue.BINANCE_USDM)).long(_MINUTES)[:count]
    late = SystemClock().now() - trades[-1].exchange_time
    return [
        replace(t, exchange_time=t.exchange_time + late, received_at=t.received_at + late)
        for t in trades
    ]


async def fill(places: dict[str, str], folder: Path, trades: list[TradeEvent]) -> None:
    """Append the tape as the trades of every market."""
    clock, random = SystemClock(), Random(1)  # noqa: S311  paces nothing that matters
    settings = Settings.model_validate({**places, "data_dir": folder})
    async with open_stores(Deployment(settings, clock, random, appends=True)) as stores:
        for number in range(_MARKETS):
            listed = replace(trades[0].instrument, symbol=f"M{number}USDT")
            await stores.instruments.save([listed])
            stream = Stream(listed.venue, listed.symbol, StreamKind.TRADES)
            own = [replace(trade, instrument=listed) for trade in trades]
            batches = [Batch(stream, batch) for batch in in_batches(own, _BATCH)]
            for at in range(0, len(batches), _A_CALL):
                await stores.log.append(batches[at : at + _A_CALL])


class Round(NamedTuple):
    """Trades a second, CPU seconds for a million of them, and how many markets each one had."""

    trades_per_s: int
    processors_cpu_s: float
    redis_cpu_s: float
    mongodb_cpu_s: float
    markets: Sequence[int]


def measured(
    number: int,
    trades: list[TradeEvent],
    urls: tuple[str, str],
    folder: Path,
    servers: Sequence[Program],
) -> Round:
    """Have so many processors fold the tape of every market."""
    places = {"redis_url": urls[0], "mongodb_url": urls[1]}
    places["mongodb_database"] = f"scaling_{uuid.uuid4().hex}"
    env = environment(places, Venues({}, {}), ()) | {"MARKETDATA_LEASE_S": str(_LEASE_S)}
    crew = [Member("process", at, folder, env) for at in range(number)]
    log = RawLog(urls[0])
    try:
        with pymongo.MongoClient(urls[1]) as mongo:
            for member in crew:
                member.launch()
            for member in crew:
                eventually(member.ready)
            time.sleep(_ACQUAINTED_S)
            asleep = time.perf_counter()
            for member in crew:
                member.sleep()
            asyncio.run(fill(places, folder / "filler", trades))
            # Whoever slept longer than that has lost what the figure is about.
            assert time.perf_counter() - asleep < _LEASE_S / 2
            ends, database = log.ends(), mongo[places["mongodb_database"]]
            programs = [*(member.program for member in crew), *servers]
            spent, began = [cpu_s(program) for program in programs], time.perf_counter()
            for member in crew:
                member.launch()
            eventually(lambda: saved_positions(database) == ends, 600)
            seconds = time.perf_counter() - began
            cpu = [cpu_s(one) - before for one, before in zip(programs, spent, strict=True)]
            had = [member.said("worker.restored") for member in crew]
            mongo.drop_database(places["mongodb_database"])
    finally:
        for member in crew:
            member.kill()
        log.close()
    total = _MARKETS * len(trades)
    by_part = [round(s / total * 1e6, 2) for s in (sum(cpu[:number]), *cpu[number:])]
    return Round(round(total / seconds), *by_part, had)


def main(rounds: int, count: int) -> None:
    """Measure and print."""
    trades = tape(count)
    found: dict[int, list[Round]] = {number: [] for number in _NUMBERS}
    with tempfile.TemporaryDirectory(prefix="scaling-") as name:
        folder = Path(name)
        with RedisServer(folder / "redis") as redis, MongoSet(folder / "mongodb") as mongodb:
            for _ in range(rounds):
                for number in _NUMBERS:
                    own = folder / uuid.uuid4().hex
                    own.mkdir()
                    urls, programs = (redis.new_database(), mongodb.url), (redis, mongodb.primary())
                    found[number].append(measured(number, trades, urls, own, programs))
                    redis.empty()
    told = {
        number: {
            **{name: median(getattr(one, name) for one in seen) for name in Round._fields[:4]},
            "rounds": [(one.trades_per_s, one.markets) for one in seen],
        }
        for number, seen in found.items()
    }
    span_ms = (trades[-1].exchange_time - trades[0].exchange_time) // NS_PER_MS
    head = {"markets": _MARKETS, "trades_a_market": len(trades), "market_ms": span_ms}
    sys.stdout.write(json.dumps({**head, "processors": told}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
