"""Verdicts of reconciliation in MongoDB, one document a minute."""

from collections.abc import Mapping, Sequence
from typing import Final

from pymongo import ASCENDING, UpdateOne

from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.mongo.names import Document, Documents, of_market
from cloud_marketdata.storage.mongo.refusals import translated
from cloud_marketdata.storage.mongo.unbroken import unbroken
from cloud_marketdata.storage.packing import pack_reconciled, unpack_reconciled

_PAGE: Final = 5000


class MongoReconciliations:
    """ReconciliationRepository in MongoDB."""

    def __init__(self, reconciliations: Documents) -> None:
        self._reconciliations = reconciliations

    @unbroken
    async def save(self, records: Sequence[Reconciled]) -> None:
        """Store each of them, unless one with a higher revision is there."""
        writes = [_write(record) for record in records]
        if writes:
            with translated():
                await self._reconciliations.bulk_write(writes)

    @unbroken
    async def find(self, venue: Venue, symbol: str, start: int, end: int) -> list[Reconciled]:
        """Return the records of minutes with start <= their start < end, ascending."""
        wanted = {**of_market(venue, symbol), "start": {"$gte": start, "$lt": end}}
        with translated():
            cursor = self._reconciliations.find(wanted, {"body": 1, "_id": 0})
            found = await cursor.sort("start", ASCENDING).batch_size(_PAGE).to_list()
        return [unpack_reconciled(document["body"]) for document in found]

    @unbroken
    async def tally(self, venue: Venue, symbol: str, start: int, end: int) -> Mapping[Verdict, int]:
        """Count the minutes of a range by verdict."""
        wanted = {**of_market(venue, symbol), "start": {"$gte": start, "$lt": end}}
        counted = {"_id": "$verdict", "minutes": {"$sum": 1}}
        with translated():
            cursor = await self._reconciliations.aggregate(
                [{"$match": wanted}, {"$group": counted}]
            )
            found = await cursor.to_list()
        return {Verdict(document["_id"]): document["minutes"] for document in found}

    @unbroken
    async def forget(self, venue: Venue, symbol: str, before: int) -> int:
        """Remove the records of minutes that start before `before`; return how many."""
        wanted = {**of_market(venue, symbol), "start": {"$lt": before}}
        with translated():
            gone = await self._reconciliations.delete_many(wanted)
        return gone.deleted_count


def _write(one: Reconciled) -> UpdateOne:
    """Return a write that looks at the stored revision where it changes it, so none is lost."""
    key = {**of_market(one.venue, one.symbol), "start": one.start}
    # A document that is not there yet has no revision, which is less than any.
    newer = {"$lte": [{"$ifNull": ["$revision", -1]}, one.revision]}
    change: Document = {
        "revision": {"$cond": [newer, one.revision, "$revision"]},
        "verdict": {"$cond": [newer, one.verdict.value, "$verdict"]},
        "body": {"$cond": [newer, {"$literal": pack_reconciled(one)}, "$body"]},
    }
    return UpdateOne(key, [{"$set": change}], upsert=True)
