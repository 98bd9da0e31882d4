"""A closed day's profile as one immutable Parquet object, for any reader of Parquet.

Columns are integer ticks, lots and ticks times lots; the footer says what one tick and one lot are,
and carries the bar, the span of the tape and the SHA-256 of the content. A column that is beyond 64
bits is a decimal, and text beyond 38 digits: never a float, never cut.
"""

import asyncio
from datetime import UTC, date, datetime
from urllib.parse import quote

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.values import NS_PER_S, Timeframe, Venue
from cloud_marketdata.storage.objects.parquet import read_day, read_hash, write_day
from cloud_marketdata.storage.ports import ObjectStore


async def save_day(objects: ObjectStore, aggregate: Aggregate) -> str:
    """Write a final 1d aggregate and return its key; the same content may be saved again.

    Raises ValueError where the aggregate is not a closed day, StorageError where the key holds
    another content.
    """
    if aggregate.timeframe is not Timeframe.D1 or not aggregate.final:
        msg = "only a final aggregate of one day becomes an object"
        raise ValueError(msg)
    day = datetime.fromtimestamp(aggregate.start // NS_PER_S, UTC).date()
    key = day_key(aggregate.instrument.venue, aggregate.instrument.symbol, day)
    data = await asyncio.to_thread(write_day, aggregate)
    if not await objects.put(key, data):
        await _refuse_another(objects, key, aggregate)
    return key


async def find_day(objects: ObjectStore, venue: Venue, symbol: str, day: date) -> Aggregate | None:
    """Return the day's aggregate, or None; raises StorageError where the object is damaged."""
    key = day_key(venue, symbol, day)
    data = await objects.get(key)
    if data is None:
        return None
    aggregate = await asyncio.to_thread(read_day, data)
    if (aggregate.instrument.venue, aggregate.instrument.symbol) != (venue, symbol):
        msg = f"{key} holds {aggregate.instrument.venue} {aggregate.instrument.symbol}"
        raise StorageError(msg)
    return aggregate


def day_key(venue: Venue, symbol: str, day: date) -> str:
    """Return the key of a day; a symbol beyond plain ASCII is percent-encoded, as hive does."""
    market = f"venue={venue}/symbol={quote(symbol, safe='')}"
    return f"profiles/v1/{market}/date={day.isoformat()}/profile.parquet"


async def _refuse_another(objects: ObjectStore, key: str, aggregate: Aggregate) -> None:
    kept = await objects.get(key)
    if kept is None or await asyncio.to_thread(read_hash, kept) != state_hash([aggregate]):
        msg = f"{key} exists with another content, and objects are never changed"
        raise StorageError(msg)
