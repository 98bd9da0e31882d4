"""The part of a range that nothing can change any more, computed once and kept.

Behind the horizon of minutes no trade is folded, so the buckets there are what they will ever be.
What is kept is named by the range, by what was made of it, and by the horizons inside the range:
they decide which buckets there were to make it from. So what was read while something was being
forgotten lies under a name that nobody asks for again. Days that are not closed yet are not kept.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from cloud_marketdata.api.cuts import Cut
from cloud_marketdata.api.resolutions import Piece, Source, pieces_of, source_of
from cloud_marketdata.api.shelves import Shelves
from cloud_marketdata.api.stretches import buckets_of
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.api.timetrees import TimeTrees
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.answers import Answer, KeptAnswers

Merge = Callable[[Sequence[Aggregate]], list[Aggregate]]
_pieces = msgspec.msgpack.Decoder(list[Piece])


class Making(msgspec.Struct, frozen=True):
    """What is made of buckets: its name, of which timeframes, and how they are merged.

    summed: it is one sum over all of them, so stretches of any length will do.
    """

    name: str
    frames: Sequence[Timeframe]
    merge: Merge
    summed: bool = False


class SettledReader:
    """Reads settled ranges of one market."""

    def __init__(self, answers: KeptAnswers, trees: TimeTrees, at: tuple[Venue, str]) -> None:
        self._answers = answers
        self._trees = trees
        self._at = at

    async def read(self, within: TimeRange, making: Making, shelves: Shelves) -> Cut:
        """Return a range that ends at or before the horizon of minutes."""
        horizons = shelves.horizons
        span = "|".join(map(str, (*within, *horizons.inside(within))))
        key = "|".join((*self._at, making.name, span))

        def idle(time: int) -> Source:
            return source_of(horizons.finest(time), time, horizons.days)

        async def compute() -> Answer:
            tiles = await tiles_of(making, within, shelves, self._trees, await shelves.position())
            buckets = [one for tile in tiles for one in buckets_of(tile, horizons.days)]
            pieces = pieces_of(within, buckets, idle)
            final = _closed(tiles, within, making.frames[0])
            # A year of days takes seconds to sum, in which others want their answers too.
            made = await asyncio.to_thread(making.merge, tiles)
            return Answer(made, msgspec.msgpack.encode(pieces), final)

        answer = await self._answers.of(key, compute)
        pieces = _pieces.decode(answer.note)
        used = {piece.source.resolution for piece in pieces} if answer.aggregates else ()
        return Cut(
            within,
            answer.aggregates,
            None,
            frozenset(used),
            pieces,
            lasting=answer.final,
            kept=answer.kept,
        )


async def tiles_of(
    making: Making, within: TimeRange, shelves: Shelves, trees: TimeTrees, position: int
) -> list[Aggregate]:
    """Return the tiles of a range of whole buckets from which something is made."""
    if making.summed:
        return await trees.tiles(shelves, within, making.frames, position)
    return await shelves.tiles(within, making.frames)


def _closed(tiles: Sequence[Aggregate], within: TimeRange, coarse: Timeframe) -> bool:
    """Whether every whole day was read as a day, and the rest as hours.

    Otherwise a day will be closed later, and then the same range is made of other buckets.
    """
    whole = within.narrowed(coarse)
    return all(
        tile.timeframe is coarse or (tile.timeframe is Timeframe.H1 and not whole.holds(tile.start))
        for tile in tiles
    )
