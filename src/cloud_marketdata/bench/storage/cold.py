"""The cold tier: whole days, stored and read back as tiering does it; and the bare puts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from typing import Final, NamedTuple

import obstore
from obstore.store import LocalStore, S3Store

from cloud_marketdata.bench.storage.moves import Move
from cloud_marketdata.bench.storage.rates import Case, Name
from cloud_marketdata.bench.storage.sizes import Size, size
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.objects.chain import find_manifest, write_manifest
from cloud_marketdata.storage.objects.days import find_day, save_bars, save_day
from cloud_marketdata.storage.objects.keys import day_at
from cloud_marketdata.storage.objects.manifest import FOLDER, Entry
from cloud_marketdata.storage.ports import ObjectStore

TIER: Final = "cold"
STORE: Final = "store a day: profile, bars, manifest, each read back"
BARE_STORE: Final = "bare: put the same three objects"
READ: Final = "read a day's profile"
BARE_READ: Final = "bare: get the same object"
_A_ROUND: Final = 3


class Cold(NamedTuple):
    """Opened objects, and the bare driver of the same store, somewhere else in it."""

    engine: str
    objects: ObjectStore
    bare: LocalStore | S3Store


class ClosedDay(NamedTuple):
    """A day and its hours."""

    day: Aggregate
    hours: Sequence[Aggregate]

    def later(self, days: int) -> "ClosedDay":
        """Return the same so many days later."""
        move = Move(days * Timeframe.D1.ns)
        return ClosedDay(move.aggregate(self.day), [move.aggregate(hour) for hour in self.hours])


async def fill(cold: Cold, closed: ClosedDay) -> list[Size]:
    """Store one day; return what it weighs."""
    profile, bars = await _stored(cold.objects, closed)
    manifest = len(await _manifest(cold.objects, closed))
    rows = len(closed.day.profile.cells)
    parts = {"profile": profile.size, "bars": bars.size, "manifest": manifest}
    what = f"day and symbol ({rows:,} rows, {len(closed.hours)} hours)"
    return [size(TIER, cold.engine, what, 1, parts)]


async def cases(cold: Cold, closed: ClosedDay) -> list[Case]:
    """Return what is measured, ours and bare; the day must have been stored by `fill`."""
    kept = await _stored(cold.objects, closed)
    data = [await cold.objects.get(entry.key) or b"" for entry in kept]
    data.append(await _manifest(cold.objects, closed))
    await asyncio.to_thread(obstore.put, cold.bare, "read", data[0])
    return [
        Case(_name(cold, STORE, "day"), _store(cold, closed), bare=BARE_STORE),
        Case(_name(cold, BARE_STORE, "day"), _put(cold, data)),
        Case(_name(cold, READ, "day"), _read(cold, closed), bare=BARE_READ),
        Case(_name(cold, BARE_READ, "day"), _get(cold)),
    ]


def _store(cold: Cold, closed: ClosedDay) -> Callable[[], Awaitable[int]]:
    days = map(closed.later, count(1))

    async def work() -> int:
        for _ in range(_A_ROUND):
            await _stored(cold.objects, next(days))
        return _A_ROUND

    return work


def _put(cold: Cold, data: Sequence[bytes]) -> Callable[[], Awaitable[int]]:
    numbers: Iterator[int] = count()

    async def work() -> int:
        for _ in range(_A_ROUND):
            for one in data:
                key = f"put/{next(numbers)}"
                await asyncio.to_thread(obstore.put, cold.bare, key, one, mode="create")
        return _A_ROUND

    return work


def _read(cold: Cold, closed: ClosedDay) -> Callable[[], Awaitable[int]]:
    instrument, date = closed.day.instrument, day_at(closed.day.start)

    async def work() -> int:
        for _ in range(_A_ROUND):
            found = await find_day(cold.objects, instrument.venue, instrument.symbol, date)
            assert found is not None, "the day was stored"
        return _A_ROUND

    return work


def _get(cold: Cold) -> Callable[[], Awaitable[int]]:
    async def work() -> int:
        for _ in range(_A_ROUND):
            await asyncio.to_thread(lambda: obstore.get(cold.bare, "read").bytes())
        return _A_ROUND

    return work


async def _stored(objects: ObjectStore, closed: ClosedDay) -> tuple[Entry, Entry]:
    profile = await save_day(objects, closed.day)
    bars = await save_bars(objects, closed.day, closed.hours)
    await write_manifest(objects, day_at(closed.day.start), (profile, bars))
    return profile, bars


async def _manifest(objects: ObjectStore, closed: ClosedDay) -> bytes:
    date = day_at(closed.day.start)
    assert await find_manifest(objects, date), "it was written with the day"
    [key] = await objects.list(f"{FOLDER}date={date.isoformat()}/")
    return await objects.get(key) or b""


def _name(cold: Cold, what: str, unit: str) -> Name:
    return Name(TIER, cold.engine, what, unit)
