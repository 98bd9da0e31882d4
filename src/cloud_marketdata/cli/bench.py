"""Benchmarks: the production path next to its own limit, and its memory over a long run."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom
from typing import Annotated, Any, Literal

import uvloop
from cyclopts import App, Parameter, validators

from cloud_marketdata.cli.answers import answers
from cloud_marketdata.cli.bench_stream import readers, stream
from cloud_marketdata.cli.signals import signals
from cloud_marketdata.cli.voice import say, say_json
from cloud_marketdata.cli.week import week
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import load
from cloud_marketdata.core.logs import configure
from cloud_marketdata.domain.values import Venue

Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=10_000_000))]
Symbol = Annotated[str, Parameter(help="symbol of the trades")]
Rounds = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1000))]
Url = Annotated[str | None, Parameter(help="a replay server; without it one is started")]


def register(app: App) -> None:
    """Add the commands."""
    bench = App(name="bench", help="Measure the production path.")
    for command in (
        ingest,
        limit,
        compare,
        blast,
        soak,
        storage,
        signals,
        ranges,
        week,
        answers,
        stream,
        readers,
    ):
        bench.command(command)
    app.command(bench)


def ingest(
    *,
    url: Url = None,
    count: Count = 300_000,
    symbol: Symbol = "BTCUSDT",
    storage: Literal["embedded", "memory"] = "embedded",
    redis_url: str | None = None,
    data_dir: Path | None = None,
) -> None:
    """Collect trades from a replay server into the log; prints one JSON line.

    CPU is user and system time of the whole process until the log has acknowledged the last trade.

    Args:
        url: a Binance replay server, ws://…, that sends bare or combined `@trade` frames.
        count: how many trades it sends.
        symbol: their symbol.
        storage: which log, where no Redis is named.
        redis_url: a Redis that holds the log, journal and all, as in production.
        data_dir: where the log is kept; without it in a folder that is removed afterwards.
    """
    from cloud_marketdata.bench.ingest import ingest as measure  # noqa: PLC0415  as all of bench
    from cloud_marketdata.bench.target import Target, reached  # noqa: PLC0415

    async def run(folder: Path) -> None:
        settings = load(storage=storage, data_dir=folder, **_given(redis_url=redis_url))
        async with reached(Target(count, symbol, url)) as target:
            say_json(await measure(target, settings, SystemClock(), SystemRandom()))

    configure("error")
    with _folder(data_dir) as folder:
        uvloop.run(run(folder))


def limit(*, url: Url = None, count: Count = 300_000, symbol: Symbol = "BTCUSDT") -> None:
    """Only decode the same trades with picows and msgspec; prints one JSON line."""
    from cloud_marketdata.bench.limit import limit as measure  # noqa: PLC0415
    from cloud_marketdata.bench.target import Target, reached  # noqa: PLC0415

    async def run() -> None:
        async with reached(Target(count, symbol, url)) as target:
            say_json(await measure(target, SystemClock()))

    uvloop.run(run())


def compare(
    *,
    rounds: Rounds = 5,
    count: Count = 300_000,
    json: bool = False,
) -> None:
    """Run limit and ingest in turns, each in its own process, and tell medians and ratios.

    Args:
        rounds: how often each; single rounds are noisy.
        count: trades a round.
        json: print one JSON document instead of a table.
    """
    from cloud_marketdata.bench.compare import compare as measure  # noqa: PLC0415
    from cloud_marketdata.bench.compare import table  # noqa: PLC0415

    comparison = measure(rounds, count)
    if json:
        say_json(comparison)
    else:
        say(table(comparison))


def blast(
    *,
    count: Count = 300_000,
    symbol: Symbol = "BTCUSDT",
    seed: int = 7,
    port: int = 0,
) -> None:
    """Serve one client that many trades as fast as it takes them; prints the port as JSON."""
    from cloud_marketdata.bench.blast import Replay  # noqa: PLC0415
    from cloud_marketdata.bench.blast import blast as serve  # noqa: PLC0415

    serve(Replay(count, symbol, seed), port, lambda bound: say_json({"port": bound}))


def soak(
    *,
    seconds: Annotated[int, Parameter(validator=validators.Number(gte=10))] = 900,
    warm_up: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 420,
    speed: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=60))] = 40,
    symbols: tuple[str, ...] = ("BTCUSDT",),
    seed: int = 7,
    most_mb_per_hour: int = 100,
) -> int:
    """Run the service over a faulty line and watch its memory; prints one JSON line.

    All four venues are played by a simulator that cuts a socket every four seconds. Exit 1 where
    memory grows faster than allowed once the warm-up is over.

    Args:
        seconds: how long.
        warm_up: seconds that do not count; bounded memories are full only after a while.
        speed: how many times faster than life the markets trade.
        symbols: what is collected of each venue.
        seed: of the markets and the faults.
        most_mb_per_hour: the slope that is allowed.
    """
    from cloud_marketdata.bench.soak import Plan  # noqa: PLC0415  as all of bench
    from cloud_marketdata.bench.soak import soak as measure  # noqa: PLC0415

    configure("info")
    with _folder(None) as folder:
        plan = Plan(
            seconds=seconds,
            warm_up_s=warm_up,
            speed=speed,
            symbols=symbols,
            seed=seed,
            folder=folder,
        )
        soaked = uvloop.run(measure(plan, SystemClock()))
    say_json(soaked)
    return int(soaked.memory.slope_mb_per_hour > most_mb_per_hour)


def storage(  # noqa: PLR0913  a command's options are its parameters
    *,
    capture: list[Path] | None = None,
    venue: Venue = Venue.BINANCE_USDM,
    instruments: Path | None = None,
    redis_url: str | None = None,
    mongodb_url: str | None = None,
    s3_bucket: str | None = None,
    s3_endpoint: str | None = None,
    config: Path | None = None,
    rounds: Rounds = 5,
    minutes: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1440))] = 60,
    profiles: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1440))] = 1440,
    data_dir: Path | None = None,
    json: bool = False,
) -> None:
    """Weigh trades, minutes and days in every tier, and measure how fast they go in and out.

    The embedded stores, and each server that is named here or by a setting; on a server all is
    kept below a name of its own and removed afterwards. Docs: docs/storage.md.

    Args:
        capture: files of one recording; without any a seeded market is stored.
        venue: whose frames they are.
        instruments: file with ticks and lots; without it the grid is learnt from the values.
        redis_url: one Redis for the hot tier.
        mongodb_url: a MongoDB for the warm tier.
        s3_bucket: a bucket for the cold tier; its keys are settings.
        s3_endpoint: where that is.
        config: TOML file with settings.
        rounds: how often each case is measured; single rounds are noisy.
        minutes: how long the stored tape is.
        profiles: how many minutes of a day are stored as profiles.
        data_dir: where the embedded stores are made; without it in a folder that is removed.
        json: print one JSON document instead of tables.
    """
    from cloud_marketdata.bench.storage.run import Bench, Plan  # noqa: PLC0415  as all of bench
    from cloud_marketdata.bench.storage.table import tables  # noqa: PLC0415
    from cloud_marketdata.bench.storage.tape import Source  # noqa: PLC0415

    configure("error")
    settings = load(
        config,
        **_given(
            redis_url=redis_url,
            mongodb_url=mongodb_url,
            s3_bucket=s3_bucket,
            s3_endpoint=s3_endpoint,
        ),
    )
    source = Source(venue, tuple(capture or ()), instruments)
    plan = Plan(source, rounds=rounds, minutes=minutes, profiles=profiles)
    with _folder(data_dir) as folder:
        measured = uvloop.run(Bench(plan, settings, SystemClock(), folder).run())
    if json:
        say_json(measured)
    else:
        say(tables(measured))


def ranges(
    *,
    trades: Count = 10_000_000,
    days: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=60))] = 7,
    ranges: Rounds = 1000,
) -> None:
    """Ask for profiles of random ranges over a long tape; prints one JSON line.

    Exit 1 where one is not what the raw trades say.

    Args:
        trades: how many trades the seeded tape has.
        days: over how many days they are spread.
        ranges: how many random ranges are asked for, each twice, and held against the raw trades.
    """
    from cloud_marketdata.bench.ranges import Plan, measure  # noqa: PLC0415  as all of bench

    async def run(folder: Path) -> int:
        plan = Plan(trades, days, ranges)
        random = Random(plan.seed)  # noqa: S311  the same ranges every time
        found = await measure(plan, folder, SystemClock(), random)
        say_json(found)
        return 0 if found["equal"] == found["of"] else 1

    with _folder(None) as folder:
        raise SystemExit(uvloop.run(run(folder)))


def _given(**options: object) -> dict[str, Any]:
    """Return the options that were named, so that the others come from the environment."""
    return {name: value for name, value in options.items() if value is not None}


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="marketdata-bench-") as folder:
        yield Path(folder)
