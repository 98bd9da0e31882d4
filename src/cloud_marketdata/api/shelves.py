"""One market's buckets over the warm and the cold tier, as if they were on one shelf.

Days that the warm tier has forgotten are read from the cold one. Of a long range the coarsest
stored buckets that fit are taken, so any range costs a bounded number of them.
"""

from collections.abc import Iterator, Sequence

from cloud_marketdata.api.horizons import KEPT_FRAMES, Horizons, read_horizons
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import Stores


class Shelves:
    """The buckets of a market as far as its horizons say that they are there."""

    def __init__(self, stores: Stores, at: tuple[Venue, str], horizons: Horizons) -> None:
        self._aggregates = stores.aggregates
        self._archive = stores.archive
        self.at = at
        self.horizons = horizons

    async def position(self) -> int:
        """Return the log position up to which everything is inside what is stored."""
        return await self._aggregates.position(*self.at)

    async def stood_still(self, within: TimeRange) -> bool:
        """Whether nothing of a range was forgotten since the horizons were read."""
        now = await read_horizons(self._aggregates, self.at)
        return now.inside(within) == self.horizons.inside(within)

    async def changed(self, frame: Timeframe, after: int) -> list[int]:
        """Return the starts of stored buckets that include more of the log than a position."""
        return await self._aggregates.changed(*self.at, frame, after)

    async def find(self, frame: Timeframe, within: TimeRange) -> list[Aggregate]:
        """Return the buckets of a timeframe that start in a range, ascending."""
        start, end = within
        found: list[Aggregate] = []
        if frame is Timeframe.D1 and start < self.horizons.days:
            cold = min(end, self.horizons.days)
            found += await self._archive.find(*self.at, start, cold)
            start = cold
        if max(start, self.horizons.of(frame)) < end:
            found += await self._aggregates.find_by_range(*self.at, frame, start, end)
        return found

    async def tiles(self, within: TimeRange, frames: Sequence[Timeframe]) -> list[Aggregate]:
        """Return disjoint buckets of a range, coarse ones where closed ones fit."""
        frame, *finer = frames
        if not finer:
            return await self.find(frame, within)
        whole = within.narrowed(frame)
        coarse = await self.find(frame, whole) if whole.start < whole.end else []
        found = [tile for tile in coarse if tile.final]
        for piece in list(_uncovered(within, found)):
            found += await self.tiles(piece, finer)
        return sorted(found, key=lambda tile: tile.start)

    async def oldest(self, frames: Sequence[Timeframe], since: int) -> int | None:
        """Return the start of the oldest bucket of some timeframes from `since` on, or before it.

        None where there is no bucket. The cold tier is asked only for a time that it may hold.
        """
        warm = [await self._aggregates.bounds(*self.at, frame) for frame in frames]
        cold = None
        if Timeframe.D1 in frames and since < self.horizons.days:
            cold = await self._archive.bounds(*self.at)
        return min((bounds[0] for bounds in (*warm, cold) if bounds), default=None)

    async def newest(self) -> int:
        """Return the newest match time inside any bucket, to the second where seconds are kept.

        0 where nothing is known.
        """
        for frame in KEPT_FRAMES:
            bounds = await self._aggregates.bounds(*self.at, frame)
            if bounds and frame is Timeframe.S1:
                return bounds[1]
            if bounds:
                return await self._last(frame, bounds[1])
        if self.horizons.days:
            bounds = await self._archive.bounds(*self.at)
            return await self._last(Timeframe.D1, bounds[1]) if bounds else 0
        return 0

    async def _last(self, frame: Timeframe, start: int) -> int:
        found = await self.find(frame, TimeRange(start, start + frame.ns))
        return max((tile.span.last[0] for tile in found if tile.span), default=start)


def _uncovered(within: TimeRange, tiles: Sequence[Aggregate]) -> Iterator[TimeRange]:
    at = within.start
    for tile in tiles:
        if at < tile.start:
            yield TimeRange(at, tile.start)
        at = tile.end
    if at < within.end:
        yield TimeRange(at, within.end)
