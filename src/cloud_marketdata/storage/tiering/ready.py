"""Finds the days of a market that may be archived, and have not been, and reads one to archive."""

from typing import NamedTuple

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import AggregateRepository
from cloud_marketdata.storage.tiering.archived import Archived
from cloud_marketdata.storage.tiering.pieces import content

_DAY = Timeframe.D1.ns


class ReadyDay(NamedTuple):
    """A day that may be archived, its hours, and the hash of its content."""

    day: Aggregate
    hours: list[Aggregate]
    content: str


async def ready_starts(
    aggregates: AggregateRepository, venue: Venue, symbol: str, archived: Archived
) -> list[int]:
    """Return where the days may begin that wait for the cold tier, ascending.

    Those are days of which no minute can change any more; one without trades is among them.
    """
    bounds = await aggregates.bounds(venue, symbol, Timeframe.D1)
    if bounds is None:
        return []
    gone = await aggregates.horizon(venue, symbol, Timeframe.M1)
    starts = range(bounds[0], min(bounds[1], gone - _DAY) + 1, _DAY)
    return [start for start in starts if archived.find(venue, symbol, start) is None]


async def read_day(
    aggregates: AggregateRepository, venue: Venue, symbol: str, start: int
) -> ReadyDay | None:
    """Return the day that begins at `start`, or None where it had no trades.

    Raises StorageError where its hours are not what it says.
    """
    days = await aggregates.find_by_range(venue, symbol, Timeframe.D1, start, start + 1)
    if not days or not days[0].final:
        return None
    hours = await aggregates.find_by_range(venue, symbol, Timeframe.H1, start, start + _DAY)
    said = state_hash(days)
    # Hours that have gone were compared before, and the objects had been read back by then.
    gone = start < await aggregates.horizon(venue, symbol, Timeframe.H1)
    if not gone and content(hours, Timeframe.D1, start) != said:
        msg = f"the day at {start} differs from its hours"
        raise StorageError(msg)
    return ReadyDay(days[0], hours, said)
