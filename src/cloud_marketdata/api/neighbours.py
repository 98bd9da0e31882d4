"""The nearest known trades before and after a range.

Where ids grow by one, they prove that nothing is missing between a range's edge and its first or
last trade. The search looks a minute away first, then a quarter of an hour, then a day; a market
that was quiet for longer has no neighbour, and that edge of the range stays unproven.
"""

from typing import Final

from msgspec import Struct

from cloud_marketdata.api.cuts import Cut
from cloud_marketdata.api.tail import Placed, folded
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import AggregateRepository

_REACHES: Final = (
    (Timeframe.S1, Timeframe.M1.ns),
    (Timeframe.M1, Timeframe.M15.ns),
    (Timeframe.M1, Timeframe.D1.ns),
)


class Side(Struct, frozen=True):
    """Buckets on one side of a range, in the nearest window that holds any."""

    window: TimeRange
    frame: Timeframe
    tiles: list[Aggregate]

    def folded(self, tail: list[Placed]) -> list[Aggregate]:
        """Return the buckets with the tail's trades inside."""
        return folded(self.tiles, tail, self.window, self.frame)


class Neighbours(Struct, frozen=True):
    """Both sides of a range, read before the log's tail."""

    asked: TimeRange
    before: Side
    after: Side

    def cut(self, tail: list[Placed]) -> Cut:
        """Return the last bucket before and the first one after, as a cut without parts."""
        before, after = self.before.folded(tail), self.after.folded(tail)
        return Cut(
            self.asked,
            [],
            before=before[-1] if before else None,
            after=after[0] if after else None,
        )


async def read_neighbours(
    aggregates: AggregateRepository,
    at: tuple[Venue, str],
    asked: TimeRange,
    frame: Timeframe,
    now: int,
) -> Neighbours:
    """Read the nearest saved buckets outside the whole buckets of `frame` that hold a range."""
    start, end = asked.widened(frame)
    return Neighbours(
        asked,
        before=await _side(aggregates, at, start, before=True, now=now),
        after=await _side(aggregates, at, end, before=False, now=now),
    )


async def _side(
    aggregates: AggregateRepository, at: tuple[Venue, str], edge: int, *, before: bool, now: int
) -> Side:
    for frame, reach in _REACHES:
        window = TimeRange(edge - reach, edge) if before else TimeRange(edge, edge + reach)
        if window.start > now:
            return Side(window, frame, [])
        tiles = await aggregates.find_by_range(*at, frame, *window)
        if tiles:
            break
    return Side(window, frame, tiles)
