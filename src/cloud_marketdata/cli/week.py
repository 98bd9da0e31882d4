"""The command that weighs the analysis of one market over days."""

from typing import Annotated

from cyclopts import Parameter, validators

from cloud_marketdata.cli.voice import say_json

Count = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1000))]


def week(*, days: Count = 7, trades: Count = 4, changes: Count = 8) -> None:
    """Play days of one market through every fold; prints memory and state as one JSON line.

    Args:
        days: of market time.
        trades: of the busiest second; a quiet one has a quarter.
        changes: of the book, likewise.
    """
    from cloud_marketdata.bench.week import Plan, measure  # noqa: PLC0415  as all of bench

    say_json(measure(Plan(days, trades, changes)))
