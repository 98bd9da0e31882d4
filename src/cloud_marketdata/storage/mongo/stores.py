"""Opens the warm tier in MongoDB."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, NamedTuple

import pymongo
from pymongo import AsyncMongoClient

from cloud_marketdata.storage.mongo.aggregates import MongoAggregates
from cloud_marketdata.storage.mongo.client import MongoPlan, checked_version, connect
from cloud_marketdata.storage.mongo.coverage import MongoCoverage
from cloud_marketdata.storage.mongo.flow import MongoFlow
from cloud_marketdata.storage.mongo.flow_saving import FLOW_BLANK
from cloud_marketdata.storage.mongo.instruments import MongoInstruments
from cloud_marketdata.storage.mongo.keys import MongoKeys
from cloud_marketdata.storage.mongo.names import Collections, Document, collections
from cloud_marketdata.storage.mongo.reconciliations import MongoReconciliations
from cloud_marketdata.storage.mongo.refusals import translated
from cloud_marketdata.storage.mongo.schema import prepare
from cloud_marketdata.storage.mongo.transactions import Transactions
from cloud_marketdata.storage.mongo.unbroken import unbroken
from cloud_marketdata.storage.ports import WarmPart

_PULSE_S: Final = 0.9


class MongoWarm(NamedTuple):
    """The warm tier, and what `/health` wants to know of it: the engine, and whether it answers."""

    part: WarmPart
    engine: str
    stored: Collections

    @unbroken
    async def probe(self) -> None:
        """Write what changes nothing; raises StorageError within a second.

        Who may only read can be answered without end, and nothing is saved.
        """
        with translated(), pymongo.timeout(_PULSE_S):
            await self.stored.schema.update_one({}, {"$setOnInsert": {"probed": True}})


@asynccontextmanager
async def open_mongo(plan: MongoPlan) -> AsyncIterator[MongoWarm]:
    """Open the database, which is filled where it is empty.

    Leaving the context ends what is under way and closes the connections. Raises StorageError where
    the server cannot be used, refuses us, or the database is foreign or of another version.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(plan))
        with translated():
            engine = f"MongoDB {await checked_version(client)}"
            await prepare(client[plan.database])
        stored = collections(client[plan.database])
        markets = Transactions(client, stored.markets, plan.timeout_s)
        stack.push_async_callback(markets.close)
        subjects = Transactions(client, stored.flow_subjects, plan.timeout_s, blank=FLOW_BLANK)
        stack.push_async_callback(subjects.close)
        keys = MongoKeys(client, stored.api_keys, plan.timeout_s)
        yield MongoWarm(_part(client, stored, markets, subjects, keys), engine, stored)


def _part(
    client: AsyncMongoClient[Document],
    stored: Collections,
    markets: Transactions,
    subjects: Transactions,
    keys: MongoKeys,
) -> WarmPart:
    return WarmPart(
        aggregates=MongoAggregates(stored, markets),
        coverage=MongoCoverage(client, stored),
        instruments=MongoInstruments(stored.instruments),
        reconciliations=MongoReconciliations(stored.reconciliations),
        flow=MongoFlow(stored, subjects),
        keys=keys,
    )
