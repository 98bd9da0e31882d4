"""The command that holds detectors against labelled markets."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from cloud_marketdata.cli.voice import say
from cloud_marketdata.core.logs import configure

Rounds = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1000))]


def signals(
    *,
    seeds: tuple[int, ...] = (1, 2),
    rounds: Rounds = 4,
    captures: Path | None = None,
    output: Path | None = None,
) -> None:
    """Plant events in seeded markets, see which of them are found, and describe it all as a page.

    Docs: docs/signals.md, which is such a page.

    Args:
        seeds: of the markets; every venue is played with each of them.
        rounds: how often each size of each kind is planted in a market.
        captures: folder with recordings of real markets, to count what is told on them.
        output: file for the page; without it the page is printed.
    """
    from cloud_marketdata.bench.signals.page import page  # noqa: PLC0415  as all of bench
    from cloud_marketdata.bench.signals.result import Plan  # noqa: PLC0415
    from cloud_marketdata.bench.signals.run import measure  # noqa: PLC0415

    configure("error")
    plan = Plan(seeds=seeds, rounds=rounds)
    text = page(plan, measure(plan, captures, say if output else _unheard))
    if output:
        output.write_text(text)
    else:
        say(text)


def _unheard(line: str) -> None:
    """Leave stdout to the page."""
    del line
