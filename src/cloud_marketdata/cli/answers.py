"""The command that measures how quickly profiles are answered over HTTP."""

import tempfile
from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import Parameter, validators

from cloud_marketdata.cli.voice import say_json
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.logs import configure

Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=10_000_000))]
Few = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1000))]


def answers(
    *, trades: Count = 1_000_000, rounds: Few = 5, asks: Few = 24, seconds: Few = 4
) -> None:
    """Ask for profiles of a seeded tape over HTTP on loopback; prints one JSON line.

    Latencies of 24 h and 7 d, at one tick and coarse, asked for the first time and again; and
    requests a second next to the framework alone, by wrk where it is installed. All in turns, round
    by round; what is told are medians of the rounds. Docs: docs/performance.md.

    Args:
        trades: how many trades the tape of ten days has.
        rounds: how often everything is measured; single rounds are noisy.
        asks: questions of each kind in a round.
        seconds: how long each server is loaded in a round.
    """
    from cloud_marketdata.bench.answers.run import Plan, build, measure  # noqa: PLC0415  as all of bench

    configure("error")
    plan = Plan(trades, rounds, asks, seconds)
    with tempfile.TemporaryDirectory(prefix="marketdata-bench-") as folder:
        uvloop.run(build(plan, Path(folder), SystemClock()))
        say_json(measure(plan, Path(folder)))
