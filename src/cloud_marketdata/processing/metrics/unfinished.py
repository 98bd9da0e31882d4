"""The auction at a bar's extremes: did both sides trade there, and has the price traded again?

Vendors name the fact the other way round (ATAS: both sides at the high mean an unfinished auction,
DeepCharts: a finished one), so the fact is published, and the naming beside it. It is judged on
rows, because what counts as "at the high" depends on how wide a row is.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cloud_marketdata.domain.profile import Row

NAMING: Final = "atas"


class Auction(NamedTuple):
    """Whether takers of both sides traded in the highest and in the lowest row of a bar."""

    both_sides_at_high: bool
    both_sides_at_low: bool


class Reach(NamedTuple):
    """A later bar: when it began, and the lowest and highest row that it traded in."""

    start: int
    low: int
    high: int


def auction(rows: Sequence[Row], at_least: int = 0) -> Auction:
    """Judge a bar by its traded rows, ascending.

    at_least: lots that the side which leads there (buys at the high, sells at the low) must exceed.
    """
    if not rows:
        return Auction(both_sides_at_high=False, both_sides_at_low=False)
    low, high = rows[0], rows[-1]
    return Auction(
        both_sides_at_high=high.buy > at_least and high.sell > 0,
        both_sides_at_low=low.sell > at_least and low.buy > 0,
    )


def traded_again(row: int, later: Iterable[Reach]) -> int | None:
    """Return the start of the first later bar whose range holds a row, or None until now."""
    return next((bar.start for bar in later if bar.low <= row <= bar.high), None)
