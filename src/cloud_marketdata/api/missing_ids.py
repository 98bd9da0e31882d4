"""Which trade ids are proven missing from a range: exact, whatever their number and their times.

Intervals hide holes that share a millisecond, because time cannot tell them apart; ids can. A page
holds a bounded number of id ranges and says how many are left behind it.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.coverage import CoverageState, Interval

MOST_ID_RANGES: Final = 1_000

IdRange = tuple[int, int]
"""First and last id, both inside."""


class MissingIds(NamedTuple):
    """Ascending id ranges that do not overlap, and how many more there are behind the last one."""

    ranges: list[IdRange]
    left: int


def missing_ids(known: Sequence[Interval], asked: TimeRange, after: int | None) -> MissingIds:
    """Return the ids of all proven holes that touch a range, those above `after` alone."""
    holes = sorted(
        (one.low, one.high)
        for one in known
        if one.state is CoverageState.MISSING
        and one.low is not None
        and one.high is not None
        and one.overlaps(*asked)
    )
    if after is not None:
        holes = [(max(low, after + 1), high) for low, high in holes if high > after]
    return MissingIds(holes[:MOST_ID_RANGES], max(0, len(holes) - MOST_ID_RANGES))
