"""Benchmarks of the live stream: the service under many readers, and those readers."""

from random import SystemRandom
from typing import Annotated

import uvloop
from cyclopts import Parameter, validators

from cloud_marketdata.cli.voice import say_json
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.logs import configure

Some = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=10_000))]
Few = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=100))]
Seconds = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=600))]


def stream(*, clients: Some = 1000, rate: Some = 50, seconds: Seconds = 10, stuck: Few = 1) -> int:
    """Measure the live stream under many readers; prints one JSON line.

    CPU is that of the service alone; the clients run in a process of their own. Exit 1 where a
    reader missed something, or one that never reads was not let go.

    Args:
        clients: how many readers, each of one trades channel.
        rate: trades a second that each of them gets; each is an update of its own.
        seconds: how long.
        stuck: how many more there are that never read, of a channel that is busier.
    """
    from cloud_marketdata.bench.stream.measure import measure  # noqa: PLC0415  as all of bench
    from cloud_marketdata.bench.stream.plan import Plan  # noqa: PLC0415

    configure("error")
    plan = Plan(clients, rate, seconds, stuck)
    found = uvloop.run(measure(plan, SystemClock(), SystemRandom()))
    say_json(found)
    return int(found["missing"] != 0 or sum(found["parted"].values()) != stuck)


def readers(
    *, url: str, clients: Some = 1000, rate: Some = 50, seconds: Seconds = 10, stuck: Few = 0
) -> None:
    """Be the readers of `bench stream`; prints a line when all listen, and one with the figures.

    Args:
        url: the stream, ws://…/v1/stream.
        clients: how many.
        rate: trades a second that each is sent.
        seconds: for how long.
        stuck: how many more there are that never read.
    """
    from cloud_marketdata.bench.stream.crowd import Crowd  # noqa: PLC0415  as all of bench
    from cloud_marketdata.bench.stream.plan import Plan  # noqa: PLC0415

    async def run() -> None:
        crowd = Crowd(Plan(clients, rate, seconds, stuck), SystemClock())
        await crowd.connect(url)
        say_json({"listening": crowd.listening})
        say_json(await crowd.finish())

    uvloop.run(run())
