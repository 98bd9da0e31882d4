"""What traded in closed sessions, read one by one so that each is exactly the session.

A session that can no longer be cut out, because only coarser buckets are kept of its time, is left
out and told; nothing is shared out between sessions.
"""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.stitching import ROWS, read_rows
from cloud_marketdata.api.tiles import TileReader
from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.metrics.sessions import Session


class Traded(NamedTuple):
    """A closed session in which something traded, and how many were closed since."""

    session: Session
    whole: Aggregate
    age: int


async def read_closed(
    reader: TileReader, sessions: Sequence[Session]
) -> tuple[list[Traded], tuple[str, ...]]:
    """Read sessions, given ascending; the notes say how many could not be cut out."""
    oldest = await reader.shelves(await reader.horizons()).oldest(ROWS.frames, sessions[0].start)
    found: list[Traded] = []
    gone = 0
    for age, one in zip(range(len(sessions) - 1, -1, -1), sessions, strict=True):
        if oldest is not None and one.end <= Timeframe.D1.floor(oldest):
            continue
        try:
            reading = await read_rows(reader, TimeRange(one.start, one.end), exact=True)
        except ResolutionGoneError:
            gone += 1
            continue
        whole = combined(reading.parts, Timeframe.D1, 0)
        if whole and whole.bar:
            found.append(Traded(one, whole, age))
    notes = (f"{gone} sessions can no longer be cut out of what is kept",) if gone else ()
    return found, notes
