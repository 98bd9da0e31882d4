"""The nearest known trades before a range: the close from which empty bars are filled.

The search looks a minute away first, then a quarter of an hour, then a day, then a week; a market
that was quiet for longer has no neighbour. Where minutes are gone, hours and days tell the close.
"""

from typing import Final

from msgspec import Struct

from cloud_marketdata.api.cuts import Cut
from cloud_marketdata.api.shelves import Shelves
from cloud_marketdata.api.tail import Placed, folded
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe

_REACHES: Final = (
    (Timeframe.S1, Timeframe.M1.ns),
    (Timeframe.M1, Timeframe.M15.ns),
    (Timeframe.M1, Timeframe.D1.ns),
    (Timeframe.H1, Timeframe.D1.ns),
    (Timeframe.D1, 8 * Timeframe.D1.ns),
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


async def read_neighbour(shelves: Shelves, asked: TimeRange, frame: Timeframe) -> Neighbour:
    """Read the nearest buckets that end before the whole buckets of `frame` that hold a range."""
    edge = asked.widened(frame).start
    for finest, reach in _REACHES:
        # A bucket that reaches into the range is no neighbour of it.
        tiles = await shelves.find(finest, TimeRange(edge - reach, finest.floor(edge)))
        if tiles:
            # Younger trades may be nearer than the last stored bucket.
            frame = min(finest, Timeframe.M1, key=lambda one: one.ns)
            return Neighbour(asked, TimeRange(edge - reach, edge), frame, tiles)
    return Neighbour(asked, TimeRange(edge - Timeframe.D1.ns, edge), Timeframe.M1, [])
