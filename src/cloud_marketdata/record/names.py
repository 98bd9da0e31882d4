"""What segments are called: whose frames, since when, and which comes after which.

`<venue>_<UTC second>[_<counter>].capture`, with `.zst` behind it once it is packed. Names sort by
time, also as text; a name that is not of this form belongs to somebody else and is left alone.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.domain.values import NS_PER_S, Venue

PACKED: Final = ".zst"
PART: Final = ".part"
_NAME: Final = re.compile(
    r"(?P<venue>[a-z-]+)_(?P<stamp>\d{8}T\d{6}Z)(?:_(?P<number>\d{4,}))?\.capture(?:\.zst)?"
)


class SegmentName(NamedTuple):
    """Names compare by their place in the recording; `number` tells those of one second apart."""

    stamp: str
    number: int
    venue: Venue

    def __str__(self) -> str:
        counter = f"_{self.number:04}" if self.number else ""
        return f"{self.venue}_{self.stamp}{counter}.capture"


def segments_of(folder: Path, venue: Venue) -> list[Path]:
    """Return a venue's segments in order, packed and plain; raises BadRequestError without any."""
    found = present(folder, venue)
    if not found:
        msg = f"{folder} holds no segments of {venue}"
        raise BadRequestError(msg)
    return [found[name] for name in sorted(found)]


def present(folder: Path, venue: Venue) -> dict[SegmentName, Path]:
    """Return a venue's segments; where one is there twice, the packed file, which stays."""
    return {name: path for name, path in _listed(folder, venue) if _stays(path)}


def plain(folder: Path, venue: Venue) -> list[Path]:
    """Return a venue's segments that are not packed, or not only, in order."""
    return [path for _, path in sorted(_listed(folder, venue)) if path.suffix != PACKED]


def next_name(folder: Path, venue: Venue, now: int) -> SegmentName:
    """Return a name behind all that are there, also when the clock was set back; `now` is in ns."""
    stamp = f"{datetime.fromtimestamp(now // NS_PER_S, UTC):%Y%m%dT%H%M%SZ}"
    wanted = SegmentName(stamp, 0, venue)
    newest = max((name for name, _ in _listed(folder, venue)), default=None)
    if newest is None or newest < wanted:
        return wanted
    return newest._replace(number=newest.number + 1)


def _listed(folder: Path, venue: Venue) -> Iterator[tuple[SegmentName, Path]]:
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match["venue"] == venue and path.is_file():
            yield SegmentName(match["stamp"], int(match["number"] or 0), venue), path


def _stays(path: Path) -> bool:
    return path.suffix == PACKED or not path.with_name(path.name + PACKED).exists()
