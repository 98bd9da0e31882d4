"""Aggregates in MongoDB, one document a bucket, saved in one transaction with their ledger."""

import asyncio
from collections.abc import Sequence
from typing import Final

from pymongo import ASCENDING, DESCENDING

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.sheet import Changes
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.mongo.bodies import aggregate_of
from cloud_marketdata.storage.mongo.forgetting import Forgetting
from cloud_marketdata.storage.mongo.market import find_market
from cloud_marketdata.storage.mongo.names import ALL_MARKETS, Collections, Document, of_market
from cloud_marketdata.storage.mongo.refusals import translated
from cloud_marketdata.storage.mongo.saving import Save
from cloud_marketdata.storage.mongo.transactions import Transactions
from cloud_marketdata.storage.mongo.unbroken import unbroken

_LARGE: Final = 500
"""Buckets above which a save is large, as after an absence; it gets a second more for so many."""
_LARGE_AT_ONCE: Final = 2
"""More only make each other late, and packing takes the event loop's time."""
_PAGE: Final = 5000
"""Documents in one answer of the server, where they fit its 16 MB: a day of minutes does."""


class MongoAggregates:
    """AggregateRepository in MongoDB."""

    def __init__(self, stored: Collections, transactions: Transactions) -> None:
        self._stored = stored
        self._transactions = transactions
        self._gate = asyncio.Semaphore(_LARGE_AT_ONCE)

    @unbroken
    async def save(
        self, aggregates: Sequence[Aggregate], ledger: Changes | None = None, *, fence: int = 0
    ) -> None:
        """Store or replace all of them, but never with a lower position or a lower fence."""
        if len(aggregates) <= _LARGE:
            await self._save(Save(self._stored, aggregates, ledger, fence), fence)
            return
        # A server that is away shall not make those wait who stand behind us.
        await self._transactions.reach()
        async with self._gate:
            save = Save(self._stored, aggregates, ledger, fence)
            await self._save(save, fence, more_s=len(aggregates) / _LARGE)

    async def _save(self, save: Save, fence: int, more_s: float = 0.0) -> None:
        if save.markets:
            await self._transactions.run(save.markets, fence, save, more_s=more_s)

    @unbroken
    async def forget(
        self, venue: Venue, symbol: str, timeframe: Timeframe, before: int, *, fence: int = 0
    ) -> int:
        """Remove final aggregates that end at or before `before`; return how many went."""
        key = (venue, symbol)
        work = Forgetting(self._stored, key, timeframe, before, fence)
        return await self._transactions.run([key], fence, work)

    @unbroken
    async def horizon(self, venue: Venue, symbol: str, timeframe: Timeframe) -> int:
        """Return the time before which aggregates were removed, or 0."""
        with translated():
            market = await find_market(self._stored.markets, (venue, symbol))
        return market.horizon(timeframe)

    @unbroken
    async def find_by_range(
        self, venue: Venue, symbol: str, timeframe: Timeframe, start: int, end: int
    ) -> list[Aggregate]:
        """Return aggregates with start <= their start < end, ascending."""
        times = {"start": {"$gte": start, "$lt": end}}
        return await self._found({**_standing(venue, symbol, timeframe), **times})

    @unbroken
    async def position(self, venue: Venue, symbol: str) -> int:
        """Return the highest position that was ever inside a saved aggregate, or 0."""
        with translated():
            return (await find_market(self._stored.markets, (venue, symbol))).position

    @unbroken
    async def changed(
        self, venue: Venue, symbol: str, timeframe: Timeframe, after: int
    ) -> list[int]:
        """Return the starts of aggregates whose position is above `after`, ascending."""
        wanted = {**_standing(venue, symbol, timeframe), "position": {"$gt": after}}
        with translated():
            cursor = self._stored.aggregates.find(wanted, {"start": 1, "_id": 0})
            found = await cursor.batch_size(_PAGE).to_list()
        return sorted(int(one["start"]) for one in found)

    @unbroken
    async def highest(self) -> int:
        """Return the highest log position inside anything saved, or 0."""
        fields = ("position", "trades", "status")
        of_all = {"$group": {"_id": None, **{name: {"$max": f"${name}"} for name in fields}}}
        with translated():
            cursor = await self._stored.markets.aggregate([of_all], comment=ALL_MARKETS)
            found = await cursor.to_list()
        return max((int(one[name]) for one in found for name in fields), default=0)

    @unbroken
    async def open(self, venue: Venue, symbol: str) -> list[Aggregate]:
        """Return what is not final, ascending by timeframe length and start."""
        found = await self._found({**of_market(venue, symbol), "final": False})
        return sorted(found, key=lambda aggregate: (aggregate.timeframe.ns, aggregate.start))

    @unbroken
    async def bounds(
        self, venue: Venue, symbol: str, timeframe: Timeframe
    ) -> tuple[int, int] | None:
        """Return the start of the oldest and of the newest bucket, or None."""
        wanted = _standing(venue, symbol, timeframe)
        # The newest first: what is removed in between is old, and an oldest one is still found.
        newest = await self._end(wanted, DESCENDING)
        oldest = await self._end(wanted, ASCENDING)
        return None if oldest is None or newest is None else (oldest, newest)

    async def _found(self, wanted: Document) -> list[Aggregate]:
        with translated():
            cursor = self._stored.aggregates.find(wanted, {"body": 1, "_id": 0})
            bodies = await cursor.sort("start", ASCENDING).batch_size(_PAGE).to_list()
        return [aggregate_of(found["body"]) for found in bodies]

    async def _end(self, wanted: Document, direction: int) -> int | None:
        order = [("start", direction)]
        with translated():
            found = await self._stored.aggregates.find_one(wanted, {"start": 1}, sort=order)
        return int(found["start"]) if found else None


def _standing(venue: Venue, symbol: str, timeframe: Timeframe) -> Document:
    """Return the filter of what has not been removed: that is gone before MongoDB deletes it."""
    return {**of_market(venue, symbol), "timeframe": timeframe.value, "gone_at": None}
