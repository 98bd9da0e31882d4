"""What stands beside every answer, written from what was read for it."""

from collections.abc import Sequence
from typing import Protocol

from cloud_marketdata.api.envelope import Meta, PartOut, QualityOut, RangeOut
from cloud_marketdata.api.resolutions import Piece
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import NS_PER_MS


class Reading(Protocol):
    """What was read for an answer, piece by piece."""

    @property
    def range(self) -> TimeRange:
        """What was asked for, as it was answered."""
        ...

    @property
    def resolution(self) -> tuple[str, ...]:
        """The sizes of the buckets that were read."""
        ...

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What was read where, in its order."""
        ...

    @property
    def live(self) -> bool:
        """Whether some of it may still change."""
        ...


def meta_of_reading(
    quality: Quality,
    reading: Reading,
    method: dict[str, str | int],
    *,
    next_cursor: str | None = None,
    closed: bool = True,
) -> Meta:
    """Return the meta of an answer that was made of one reading.

    closed: whether the answer ends where the reading does, so that it settles with it.
    """
    return meta_of(
        quality,
        method=method,
        resolution=reading.resolution,
        pieces=reading.pieces,
        answered=reading.range,
        next_cursor=next_cursor,
        settled=closed and not reading.live,
    )


def meta_of(
    quality: Quality,
    *,
    method: dict[str, str | int] | None = None,
    resolution: Sequence[str] = (),
    pieces: Sequence[Piece] = (),
    answered: TimeRange | None = None,
    next_cursor: str | None = None,
    settled: bool = False,
) -> Meta:
    """Return the meta of an answer; times are written in whole milliseconds that hold them.

    settled: whether all of it lies behind the horizon before which nothing changes any more.
    """
    return Meta(
        quality=QualityOut.of(quality),
        method=method or {},
        resolution=list(resolution),
        parts=[_part(piece) for piece in pieces],
        range=None if answered is None else _range(answered),
        next_cursor=next_cursor,
        settled=settled,
    )


def _range(answered: TimeRange) -> RangeOut:
    return RangeOut(start=answered.start // NS_PER_MS, end=-(-answered.end // NS_PER_MS))


def _part(piece: Piece) -> PartOut:
    span = _range(TimeRange(piece.start, piece.end))
    resolution, tier = piece.source
    return PartOut(start=span.start, end=span.end, resolution=resolution, tier=tier)
