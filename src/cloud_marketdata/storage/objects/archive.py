"""Closed days out of the cold tier, as queries want them: few listings, and no day decoded twice.

A day that is there stays there, so a listing can only lack what came later: it is made again when a
question touches a day that it does not name. A revision of a day that it names is seen with the
next one; tiering archives a day only when nothing can change it, so there is none to wait for.
Decoded days are kept up to a number of rows, and shared: whoever gets one leaves it as it is.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.objects.days import days
from cloud_marketdata.storage.objects.keys import Place
from cloud_marketdata.storage.objects.profiles import read_profile
from cloud_marketdata.storage.ports import ObjectStore

MOST_ROWS: Final = 500_000
"""Rows of decoded days in memory, of all markets together; a row takes about 400 bytes."""
_AT_ONCE: Final = 8
_EPOCH: Final = date(1970, 1, 1)

_Market = tuple[Venue, str]


class ObjectArchive:
    """Archive over the objects that `days` writes; keep one for the life of a process."""

    def __init__(self, objects: ObjectStore, most_rows: int = MOST_ROWS) -> None:
        self._objects = objects
        self._listed: dict[_Market, dict[date, str]] = {}
        self._decoded = _Decoded(most_rows)

    async def find(self, venue: Venue, symbol: str, start: int, end: int) -> list[Aggregate]:
        """Return the 1d aggregates with start <= their start < end, ascending."""
        wanted = range(-(-start // Timeframe.D1.ns), -(-end // Timeframe.D1.ns))
        there = self._listed.get((venue, symbol), {})
        if sum(_number(day) in wanted for day in there) < len(wanted):
            there = await self._list(venue, symbol)
        keys = [key for day, key in there.items() if _number(day) in wanted]
        found: list[Aggregate] = []
        for at in range(0, len(keys), _AT_ONCE):
            found += await self._read(keys[at : at + _AT_ONCE])
        return found

    async def bounds(self, venue: Venue, symbol: str) -> tuple[int, int] | None:
        """Return the start of the oldest and of the newest day, or None."""
        there = await self._list(venue, symbol)
        if not there:
            return None
        return _number(min(there)) * Timeframe.D1.ns, _number(max(there)) * Timeframe.D1.ns

    async def _list(self, venue: Venue, symbol: str) -> dict[date, str]:
        listed = await days(self._objects, venue, symbol)
        self._listed[venue, symbol] = listed
        return listed

    async def _read(self, keys: Sequence[str]) -> list[Aggregate]:
        """Read some days at once; all of them have ended before an error is raised."""
        read = await asyncio.gather(*map(self._day, keys), return_exceptions=True)
        found: list[Aggregate] = []
        for one in read:
            if isinstance(one, BaseException):
                raise one
            found.append(one)
        return found

    async def _day(self, key: str) -> Aggregate:
        kept = self._decoded.get(key)
        if kept is None:
            kept = await self._decode(key)
            self._decoded.put(key, kept)
        return kept

    async def _decode(self, key: str) -> Aggregate:
        data = await self._objects.get(key)
        if data is None:
            msg = f"{key} was listed, and is gone"
            raise StorageError(msg)
        found = await asyncio.to_thread(read_profile, data)
        place = Place.parse(key)
        if place is None or not place.holds(found.instrument, found.start):
            msg = f"{key} holds {found.instrument.venue} {found.instrument.symbol} {found.start}"
            raise StorageError(msg)
        return found


class _Decoded:
    """The days that were asked for last, up to a number of rows."""

    def __init__(self, most_rows: int) -> None:
        self._most = most_rows
        self._rows = 0
        self._days: OrderedDict[str, Aggregate] = OrderedDict()

    def get(self, key: str) -> Aggregate | None:
        day = self._days.get(key)
        if day is not None:
            self._days.move_to_end(key)
        return day

    def put(self, key: str, day: Aggregate) -> None:
        if key in self._days or _weight(day) > self._most:
            return
        self._days[key] = day
        self._rows += _weight(day)
        while self._rows > self._most:
            _, oldest = self._days.popitem(last=False)
            self._rows -= _weight(oldest)


def _weight(day: Aggregate) -> int:
    return len(day.profile) + 1


def _number(day: date) -> int:
    """Count days since the epoch."""
    return (day - _EPOCH) // timedelta(days=1)
