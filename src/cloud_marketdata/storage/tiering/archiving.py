"""Brings closed days to the cold tier, and notes which of them have been read back from there.

A day is archived when no minute of it can change any more, so its object is the last word. This is
slow work of its own: while the cold tier is away nothing is deleted, the warm one grows, and health
tells how far this lags. Several processes may archive a day: objects are created once, with equal
content. A day that contradicts its hours or its object is refused and told, and stays where it is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import ARCHIVED
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.storage.objects.chain import write_manifest
from cloud_marketdata.storage.objects.days import save_bars, save_day
from cloud_marketdata.storage.objects.manifest import Entry
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.tiering.archived import Archived
from cloud_marketdata.storage.tiering.ready import read_day, ready_starts

_FAILURES: Final = 2
"""After so many days in a row the market is left alone until the next round."""

MarketKey = tuple[Venue, str]


class _Kept(NamedTuple):
    """A day whose objects are there and have been read back."""

    market: MarketKey
    start: int
    content: str
    entries: tuple[Entry, ...]


class Archiving:
    """Archives the days of the markets that this process works for.

    `saved` counts days that were brought or found there, `waiting` those that are ready and not
    there by market, `troubles` says why.
    """

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        archived: Archived,
        *,
        markets: Callable[[], Iterable[MarketKey]],
        every_s: float,
    ) -> None:
        self.saved = 0
        self.waiting: dict[MarketKey, list[int]] = {}
        self.troubles: dict[str, str] = {}
        # What the last round said, as long as the next one has not said otherwise.
        self._unsettled: dict[str, str] = {}
        self._stores = stores
        self._clock = clock
        self._archived = archived
        self._markets = markets
        self._every_s = every_s

    async def run(self) -> None:
        """Archive what is ready, round by round, until cancelled."""
        while True:
            await self._clock.sleep(self._every_s)
            await self.round()

    async def round(self) -> None:
        """Archive every day that is ready, as far as the stores are there."""
        before, self.troubles, self.waiting = self.troubles, {}, {}
        self._unsettled = before
        kept: defaultdict[date, list[_Kept]] = defaultdict(list)
        for market in sorted(self._markets()):
            for one in await self._bring(market):
                kept[_date(one.start)].append(one)
        for day in sorted(kept):
            await self._list(day, kept[day])
        for name, error in sorted(self.troubles.items() - before.items()):
            structlog.get_logger().error("archive.refused", of=name, error=error)
        self._unsettled = {}

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield ARCHIVED.of(self.saved)

    async def pulse(self) -> Pulse:
        """See core.health.Component: how many days wait for the cold tier, and since when."""
        trouble = {**self._unsettled, **self.troubles}
        oldest = min((days[0] for days in self.waiting.values() if days), default=None)
        detail: dict[str, object] = {
            "archived_days": self.saved,
            "waiting_days": sum(map(len, self.waiting.values())),
            "oldest_waiting": None if oldest is None else _date(oldest).isoformat(),
            "trouble": trouble,
        }
        state = "lagging" if trouble else "ok"
        return Pulse("processing", "archive", state, ok=not trouble, detail=detail)

    async def _bring(self, market: MarketKey) -> list[_Kept]:
        """Save the days of a market in their order, beyond one that is refused."""
        kept: list[_Kept] = []
        failures = 0
        for start in await self._waiting(market):
            try:
                one = await self._save(market, start)
            except StorageError as error:
                self._refuse(market, start, error)
                failures += 1
                if failures == _FAILURES:
                    break
            else:
                failures = 0
                if one is None:
                    self.waiting[market].remove(start)
                else:
                    kept.append(one)
        return kept

    async def _waiting(self, market: MarketKey) -> list[int]:
        try:
            starts = await ready_starts(self._stores.aggregates, *market, self._archived)
        except StorageError as error:
            self.troubles["/".join(market)] = str(error)
            return []
        self.waiting[market] = list(starts)
        return starts

    def _refuse(self, market: MarketKey, start: int, error: StorageError) -> None:
        self.troubles[f"{'/'.join(market)} {_date(start)}"] = str(error)

    async def _save(self, market: MarketKey, start: int) -> _Kept | None:
        """Store a day's objects; both have been read back by their return."""
        objects = self._stores.objects
        ready = await read_day(self._stores.aggregates, *market, start)
        if ready is None:
            return None
        profile = await save_day(objects, ready.day)
        # A process that was killed may have let go of the hours and not yet of the day.
        bars = [await save_bars(objects, ready.day, ready.hours)] if ready.hours else []
        if profile.content != ready.content:
            msg = f"{profile.key} was read back with another content"
            raise StorageError(msg)
        return _Kept(market, start, ready.content, (profile, *bars))

    async def _list(self, day: date, kept: list[_Kept]) -> None:
        """List objects in the manifest of their day; only then they are safe in every way."""
        entries = [entry for one in kept for entry in one.entries]
        try:
            await write_manifest(self._stores.objects, day, entries)
        except StorageError as error:
            self.troubles[f"manifest of {day}"] = str(error)
            return
        for one in kept:
            self._archived.confirm(*one.market, one.start, one.content)
            self.waiting[one.market].remove(one.start)
            self.saved += 1


def _date(start: int) -> date:
    return datetime.fromtimestamp(start // NS_PER_S, UTC).date()
