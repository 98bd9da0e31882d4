"""Reads objects again and holds them against their manifest, their keys, and each other."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.objects.bars import DayBars, read_bars
from cloud_marketdata.storage.objects.keys import Kind, Place
from cloud_marketdata.storage.objects.links import Problem
from cloud_marketdata.storage.objects.manifest import Entry
from cloud_marketdata.storage.objects.profiles import read_profile
from cloud_marketdata.storage.objects.sums import bars_faults, profile_faults
from cloud_marketdata.storage.ports import ObjectStore


class _Object(NamedTuple):
    entry: Entry
    data: bytes | None


async def inspect(objects: ObjectStore, entries: Iterable[Entry]) -> list[Problem]:
    """Return what is wrong with the objects that a manifest lists; raises where one is not read.

    One market is in memory at a time.
    """
    markets: dict[tuple[Venue, str] | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        place = Place.parse(entry.key)
        markets[place and (place.venue, place.symbol)].append(entry)
    problems: list[Problem] = []
    for market, listed in markets.items():
        # Only a key of ours may be asked for.
        read = [_Object(one, await objects.get(one.key) if market else None) for one in listed]
        problems += await asyncio.to_thread(lambda of: list(_market_faults(of)), read)
    return problems


def _market_faults(read: Sequence[_Object]) -> Iterator[Problem]:
    days: dict[str, Aggregate] = {}
    bars: dict[str, DayBars] = {}
    for entry, data in read:
        try:
            found = _decoded(entry, data)
        except StorageError as error:
            yield Problem(entry.key, str(error))
            continue
        if isinstance(found, DayBars):
            bars[entry.key] = found
        else:
            days[entry.content] = found
            yield from (Problem(entry.key, fault) for fault in profile_faults(found))
    for key, one in bars.items():
        yield from (Problem(key, fault) for fault in _bars_faults(days, one))


def _decoded(entry: Entry, data: bytes | None) -> Aggregate | DayBars:
    """Return what an object holds; raises StorageError where it is not what is said of it."""
    place = Place.parse(entry.key)
    if place is None or data is None:
        msg = "it is missing" if place else "no object of a day has such a key"
        raise StorageError(msg)
    digest = hashlib.sha256(data).hexdigest()
    if (len(data), digest) != (entry.size, entry.sha256):
        msg = f"its bytes are not those of the manifest: {len(data)} with SHA-256 {digest}"
        raise StorageError(msg)
    found: Aggregate | DayBars
    if place.kind is Kind.PROFILE:
        found = read_profile(data)
        content = state_hash([found])
    else:
        found = read_bars(data)
        content = found.content()
    if content != entry.content:
        msg = f"its content is not that of the manifest: {content}"
        raise StorageError(msg)
    if not place.holds(found.instrument, found.start):
        msg = f"it holds {found.instrument.venue} {found.instrument.symbol} from {found.start} on"
        raise StorageError(msg)
    return found


def _bars_faults(days: dict[str, Aggregate], bars: DayBars) -> Iterable[str]:
    day = days.get(bars.day)
    return (
        bars_faults(day, bars) if day else ["no profile that is well has the content they sum to"]
    )
