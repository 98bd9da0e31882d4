"""The tapes of several venues, read over exactly the same range.

Each venue keeps its time as finely as it can, and the cuts that can still be made may differ; what
is added up must be of one range, so all are widened to what all of them can answer.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from cloud_marketdata.api.cuts import Reading
from cloud_marketdata.api.resolutions import Piece, ResolutionGoneError, touching, widening
from cloud_marketdata.api.stitching import read_rows
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Timeframe, Venue

_TRIES: Final = 4
_COARSEST_FIRST: Final = (*(frame.value for frame in reversed(Timeframe)), "trades")


async def read_together(
    readers: Mapping[Venue, TileReader], asked: TimeRange, *, exact: bool
) -> dict[Venue, Reading]:
    """Read what traded on each venue in a range, or in the smallest wider one that all can answer.

    Raises ResolutionGoneError where `exact` is wanted and the range would be another one.
    """
    within = asked
    for _ in range(_TRIES):
        found = {
            venue: await read_rows(reader, within, exact=False) for venue, reader in readers.items()
        }
        ranges = [reading.range for reading in found.values()]
        widest = TimeRange(min(one.start for one in ranges), max(one.end for one in ranges))
        if all(one == widest for one in ranges):
            break
        within = widest
    else:
        msg = "buckets are being forgotten while they are read"
        raise StorageError(msg)
    if exact and widest != asked:
        msg = f"{widened_words(asked, widest, found)[0]}; exact=true refuses that"
        raise ResolutionGoneError(msg)
    return found


def widened_words(
    asked: TimeRange, answered: TimeRange, found: Mapping[Venue, Reading]
) -> tuple[str, ...]:
    """Say which ends of the range were widened, by the coarsest of what is kept there."""
    return widening(asked, answered, pieces_of_all(list(found.values())))


def pieces_of_all(readings: Sequence[Reading]) -> tuple[Piece, ...]:
    """Return by time the coarsest source that any of the readings, of one range, was made of."""
    cuts = sorted({edge for one in readings for piece in one.pieces for edge in piece[:2]})
    made = []
    for start, end in pairwise(cuts):
        sources = [
            piece.source
            for one in readings
            for piece in one.pieces
            if piece.start <= start and end <= piece.end
        ]
        if sources:
            coarsest = min(sources, key=lambda source: _COARSEST_FIRST.index(source.resolution))
            made.append(Piece(start, end, coarsest))
    return touching(made)


def resolutions_of_all(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return everything that any of the readings was made of, coarsest first."""
    used = {label for one in readings for label in one.resolution}
    return tuple(label for label in _COARSEST_FIRST if label in used)
