"""The nearest known trades before a range: the close from which empty bars are filled.

The search looks a minute away first, then a quarter of an hour, then a day; a market that was quiet
for longer has no neighbour.
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


class Neighbour(Struct, frozen=True):
    """Buckets before a range in the nearest window that holds any, read before the log's tail."""

    asked: TimeRange
    window: TimeRange
    frame: Timeframe
    tiles: list[Aggregate]

    def cut(self, tail: list[Placed]) -> Cut:
        """Return the last bucket before the range, as a cut without parts."""
        before = folded(self.tiles, tail, self.window, self.frame)
        return Cut(self.asked, [], before=before[-1] if before else None)


async def read_neighbour(
    aggregates: AggregateRepository, at: tuple[Venue, str], asked: TimeRange, frame: Timeframe
) -> Neighbour:
    """Read the nearest saved buckets before the whole buckets of `frame` that hold a range."""
    edge = asked.widened(frame).start
    for finest, reach in _REACHES:
        window = TimeRange(edge - reach, edge)
        tiles = await aggregates.find_by_range(*at, finest, *window)
        if tiles:
            break
    return Neighbour(asked, window, finest, tiles)
