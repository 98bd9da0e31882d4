"""What each part of an answer was made of: from when to when, how fine, out of which tier.

The pieces of an answer touch each other and fill its range. Time in which nothing traded has no
bucket; it belongs to the piece before it, or to the one after where it comes first.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe

RAW: Final = "trades"
BOOK: Final = "book"
LEDGER: Final = "ledger"
HOT: Final = "hot"
WARM: Final = "warm"
COLD: Final = "cold"


class ResolutionGoneError(BadRequestError):
    """What was asked for is no longer kept as finely as it was asked for."""

    code = "resolution_gone"
    status = 410


class Source(NamedTuple):
    """What a piece was made of: a timeframe or `trades`, and the tier that held it."""

    resolution: str
    tier: str


class Piece(NamedTuple):
    """A part of an answer's time, in ns, and its source."""

    start: int
    end: int
    source: Source


def pieces_of(
    within: TimeRange, buckets: Iterable[Piece], idle: Callable[[int], Source]
) -> list[Piece]:
    """Fill a range with pieces, given its buckets, which may leave quiet time between them.

    Two pieces meet at a cut that both resolutions know: where the coarser one ends or begins.
    idle: what is looked at around an instant where there is no bucket.
    """
    start, end = within
    if start >= end:
        return []
    runs = [list(run) for _, run in groupby(sorted(buckets), key=lambda bucket: bucket.source)]
    if not runs:
        return [Piece(start, end, idle(start))]
    first, last = runs[0][0], runs[-1][-1]
    cuts = [_meeting(left[-1], right[0]) for left, right in pairwise(runs)]
    kinds = [run[0].source for run in runs]
    # A range may begin or end in quiet time, at a cut that no bucket of the next piece knows.
    if start % (first.end - first.start):
        cuts, kinds = [first.start, *cuts], [idle(start), *kinds]
    if end % (last.end - last.start):
        cuts, kinds = [*cuts, last.end], [*kinds, idle(end - 1)]
    spans = pairwise([start, *cuts, end])
    return [Piece(*span, kind) for span, kind in zip(spans, kinds, strict=True)]


def _meeting(left: Piece, right: Piece) -> int:
    coarser = left.end - left.start >= right.end - right.start
    return left.end if coarser else right.start


def raw_piece(within: TimeRange | None) -> list[Piece]:
    """Return a range as one piece of raw trades, where there is one."""
    if within is None or within.start >= within.end:
        return []
    return [Piece(*within, Source(RAW, HOT))]


def bucket_of(tile: Aggregate, days_before: int) -> Piece:
    """Return a stored bucket's time and source; days before `days_before` are in the cold tier."""
    return Piece(tile.start, tile.end, source_of(tile.timeframe, tile.start, days_before))


def source_of(frame: Timeframe, start: int, days_before: int) -> Source:
    """Return where the stored bucket of a timeframe is that starts at some time."""
    cold = frame is Timeframe.D1 and start < days_before
    return Source(frame.value, COLD if cold else WARM)


def touching(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the pieces ascending, neighbours of one source as one."""
    made: list[Piece] = []
    for piece in sorted(pieces):
        if made and made[-1].end == piece.start and made[-1].source == piece.source:
            made[-1] = made[-1]._replace(end=piece.end)
        else:
            made.append(piece)
    return tuple(made)


def widening(asked: TimeRange, answered: TimeRange, pieces: Sequence[Piece]) -> tuple[str, ...]:
    """Say in words which ends of a range could not be answered as finely as they were asked."""
    if not pieces or asked == answered:
        return ()
    ends = []
    if answered.start < asked.start:
        ends.append(f"start to a whole bucket of {pieces[0].source.resolution}")
    if asked.end < answered.end:
        ends.append(f"end to a whole bucket of {pieces[-1].source.resolution}")
    return (f"widened its {' and its '.join(ends)}: nothing finer is kept of that time",)
