"""Closed days in the cold tier: a profile and the bars of each market and day, immutable Parquet.

Each function returns when what it stored has been read back; a day may be saved again and again,
and one that changed becomes a revision (see `keys` and `shelf`). What does not add up is refused.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date
from typing import TypeVar

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.instrument import OffGridError
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.objects.bars import DayBars, bars_of, read_bars, write_bars
from cloud_marketdata.storage.objects.keys import Kind, Place, day_at
from cloud_marketdata.storage.objects.manifest import Entry
from cloud_marketdata.storage.objects.profiles import read_profile, write_profile
from cloud_marketdata.storage.objects.shelf import Identity, keep, revisions
from cloud_marketdata.storage.objects.sums import bars_faults, profile_faults
from cloud_marketdata.storage.ports import ObjectStore

T = TypeVar("T", Aggregate, DayBars)


async def save_day(objects: ObjectStore, day: Aggregate) -> Entry:
    """Store the profile of a closed day; return what its manifest has to say of the object.

    Raises ValueError where the aggregate is not a closed day; StorageError where its rows do not
    sum to its bar, where another content is stored that is as new, or where the store refuses.
    """
    place = _place(Kind.PROFILE, day)
    data = await asyncio.to_thread(_profile, place, day)
    return await keep(objects, place, data, identify_profile)


async def save_bars(objects: ObjectStore, day: Aggregate, parts: Iterable[Aggregate]) -> Entry:
    """Store the bars of a closed day: those of its hours, and of minutes that still exist.

    Bars that are stored for the same content of the day stay as they are, also where they have
    fewer minutes. Raises as `save_day` does, and StorageError where the hours do not sum to the
    day or the minutes do not fit in their hours.
    """
    place = _place(Kind.BARS, day)
    data = await asyncio.to_thread(_bars, place, day, list(parts))
    return await keep(objects, place, data, identify_bars)


async def find_day(objects: ObjectStore, venue: Venue, symbol: str, day: date) -> Aggregate | None:
    """Return the day's newest aggregate, or None; raises StorageError where it is damaged."""
    return await _find(objects, Place(Kind.PROFILE, venue, symbol, day), read_profile)


async def find_bars(objects: ObjectStore, venue: Venue, symbol: str, day: date) -> DayBars | None:
    """Return the day's newest bars, or None; raises StorageError where they are damaged."""
    return await _find(objects, Place(Kind.BARS, venue, symbol, day), read_bars)


async def days(objects: ObjectStore, venue: Venue, symbol: str) -> dict[date, str]:
    """Return the days of a market that have a profile, ascending, and the newest one's key."""
    any_day = Place(Kind.PROFILE, venue, symbol, date.min)
    found: dict[date, str] = {}
    for folder in (any_day.days, f"revised-{any_day.days}"):
        for key in await objects.list(folder):
            if place := Place.parse(key):
                found[place.day] = key
    return dict(sorted(found.items()))


def day_key(venue: Venue, symbol: str, day: date) -> str:
    """Return the key of a day's first profile."""
    return Place(Kind.PROFILE, venue, symbol, day).key


def identify_profile(data: bytes) -> Identity:
    """Tell what a profile object holds; raises StorageError on damage."""
    day = read_profile(data)
    content = state_hash([day])
    return Identity(content, content, day.position)


def identify_bars(data: bytes) -> Identity:
    """Tell what an object of bars holds; raises StorageError on damage."""
    bars = read_bars(data)
    return Identity(bars.day, bars.content(), bars.position)


def _place(kind: Kind, day: Aggregate) -> Place:
    if day.timeframe is not Timeframe.D1 or not day.final:
        msg = "only a final aggregate of one day becomes an object"
        raise ValueError(msg)
    instrument = day.instrument
    return Place(kind, instrument.venue, instrument.symbol, day_at(day.start))


def _profile(place: Place, day: Aggregate) -> bytes:
    _refuse(place, profile_faults(day))
    return write_profile(day)


def _bars(place: Place, day: Aggregate, parts: Iterable[Aggregate]) -> bytes:
    try:
        bars = bars_of(day, parts)
    except OffGridError as error:
        msg = f"{place.key} is not written: {error}"
        raise StorageError(msg) from error
    _refuse(place, bars_faults(day, bars))
    return write_bars(bars)


def _refuse(place: Place, faults: Iterable[str]) -> None:
    for fault in faults:
        msg = f"{place.key} is not written: {fault}"
        raise StorageError(msg)


async def _find(objects: ObjectStore, place: Place, read: Callable[[bytes], T]) -> T | None:
    later = await revisions(objects, place)
    key = later[-1] if later else place.key
    data = await objects.get(key)
    if data is None:
        return None
    try:
        found = await asyncio.to_thread(read, data)
    except StorageError as error:
        msg = f"{key}: {error}"
        raise StorageError(msg) from error
    if not place.holds(found.instrument, found.start):
        msg = f"{key} holds {found.instrument.venue} {found.instrument.symbol} of {found.start}"
        raise StorageError(msg)
    return found
