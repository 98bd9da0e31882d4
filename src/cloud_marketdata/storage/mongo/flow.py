"""Flow minutes and signals in MongoDB, one document each; `flow_saving` writes them."""

from collections.abc import Collection, Sequence
from typing import Final

from pymongo import ASCENDING, DESCENDING

from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.signal import Signal, SignalKind, Subject
from cloud_marketdata.storage.flow_ports import FlowChanges, Watched
from cloud_marketdata.storage.mongo.bodies import packed_of
from cloud_marketdata.storage.mongo.flow_saving import FLOW_BLANK, FlowSave, signal_writes
from cloud_marketdata.storage.mongo.names import ALL_MARKETS, Collections, Document, of_market
from cloud_marketdata.storage.mongo.refusals import translated
from cloud_marketdata.storage.mongo.transactions import Transactions
from cloud_marketdata.storage.mongo.unbroken import unbroken
from cloud_marketdata.storage.packing.flow import unpack_minute, unpack_signal

_PAGE: Final = 5000
_BODY: Final = {"body": 1, "_id": 0}


class MongoFlow:
    """FlowRepository in MongoDB; `transactions` are those of the subjects' documents."""

    def __init__(self, stored: Collections, transactions: Transactions) -> None:
        self._stored = stored
        self._transactions = transactions

    @unbroken
    async def save(self, subject: Subject, changes: FlowChanges, *, fence: int = 0) -> None:
        """Store all or none, but nothing of a lower revision or under a lower fence."""
        work = FlowSave(self._stored, subject, changes, fence)
        await self._transactions.run([subject], fence, work)

    @unbroken
    async def tell(self, subject: Subject, signals: Sequence[Signal]) -> None:
        """Store signals without a token, but none of a lower revision."""
        key = of_market(*subject)
        writes = signal_writes(subject, signals)
        with translated():
            known = await self._stored.flow_subjects.find_one({**key, "known": True}, {"_id": 1})
            if known is None:
                # Only then, or each telling would get in the way of the maker's transactions.
                blank = {name: at for name, at in FLOW_BLANK.items() if name != "known"}
                change = {"$set": {"known": True}, "$setOnInsert": blank}
                await self._stored.flow_subjects.update_one(key, change, upsert=True)
            if writes:
                await self._stored.signals.bulk_write(writes)

    @unbroken
    async def claim(self, subject: Subject, *, fence: int) -> bytes | None:
        """Show a fence and return the checkpoint, if any."""
        work = FlowSave(self._stored, subject, None, fence)
        checkpoint = (await self._transactions.run([subject], fence, work)).checkpoint
        return None if checkpoint is None else packed_of(checkpoint)

    @unbroken
    async def minutes(self, subject: Subject, start: int, end: int) -> list[FlowMinute]:
        """Return minutes with start <= their start < end, ascending."""
        wanted = {**of_market(*subject), "start": {"$gte": start, "$lt": end}}
        with translated():
            cursor = self._stored.flow_minutes.find(wanted, _BODY)
            found = await cursor.sort("start", ASCENDING).batch_size(_PAGE).to_list()
        return [unpack_minute(packed_of(one["body"])) for one in found]

    @unbroken
    async def signals(
        self,
        subject: Subject,
        start: int,
        end: int,
        *,
        after: str = "",
        kinds: Collection[SignalKind] = (),
        limit: int = 1000,
    ) -> list[Signal]:
        """Return signals with start <= their `detected` < end, by (detected, id)."""
        wanted: Document = {**of_market(*subject), "detected": {"$gte": start, "$lt": end}}
        wanted["$or"] = [{"detected": {"$gt": start}}, {"id": {"$gt": after}}]
        if kinds:
            wanted["kind"] = {"$in": [kind.value for kind in kinds]}
        order = [("detected", ASCENDING), ("id", ASCENDING)]
        with translated():
            found = (
                await self._stored.signals.find(wanted, _BODY).sort(order).limit(limit).to_list()
            )
        return [unpack_signal(packed_of(one["body"])) for one in found]

    @unbroken
    async def watched(self, subject: Subject, start: int, end: int) -> Watched | None:
        """Return what its maker has looked at, or None before the first minute was saved."""
        mine = of_market(*subject)
        inside = {**mine, "start": {"$gte": start, "$lt": end}}
        with translated():
            known = await self._stored.flow_subjects.find_one(mine, {"began": 1}) or {}
            if known.get("began") is None:
                return None
            # The newest first: what is removed in between is old.
            newest = await self._end(mine, DESCENDING)
            oldest = await self._end(mine, ASCENDING)
            count = await self._stored.flow_minutes.count_documents(inside)
        if newest is None or oldest is None:
            return Watched(int(known["began"]), None, count, None)
        minute = unpack_minute(packed_of(newest["body"]))
        return Watched(int(known["began"]), int(oldest["start"]), count, minute)

    @unbroken
    async def forget(self, subject: Subject, *, minutes: int, signals: int) -> int:
        """Remove minutes that start, and signals detected, before these times."""
        mine = of_market(*subject)
        with translated():
            old = await self._stored.flow_minutes.delete_many({**mine, "start": {"$lt": minutes}})
            gone = await self._stored.signals.delete_many({**mine, "detected": {"$lt": signals}})
        return old.deleted_count + gone.deleted_count

    @unbroken
    async def subjects(self) -> list[Subject]:
        """Return the subjects that anything was saved or told of, sorted."""
        names = {"venue": 1, "symbol": 1, "_id": 0}
        with translated():
            cursor = self._stored.flow_subjects.find({"known": True}, names, comment=ALL_MARKETS)
            found = await cursor.to_list()
        return sorted(Subject(one["venue"], one["symbol"]) for one in found)

    async def _end(self, wanted: Document, direction: int) -> Document | None:
        order = [("start", direction)]
        return await self._stored.flow_minutes.find_one(wanted, {"start": 1, "body": 1}, sort=order)
