"""MongoDB, opened in a database of its own; beside it the bare driver and what the server tells."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from pymongo import ASCENDING, AsyncMongoClient, ReplaceOne

from cloud_marketdata.bench.storage.rates import Case, Name
from cloud_marketdata.bench.storage.warm import (
    A_SAVE,
    BARE_LIVE,
    BARE_MANY,
    LIVE_SAVES,
    TIER,
    Warm,
)
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo

ENGINE: Final = "MongoDB"
_KEY: Final = ("symbol", "venue", "timeframe", "start")

Document = dict[str, Any]
_STATISTICS: Final[Document] = {"$collStats": {"storageStats": {}}}


class BareMongo:
    """One MongoDB through the driver alone, with the durability that our stores ask for."""

    def __init__(self, url: str, database: str) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(url, w="majority", journal=True)
        self._database = self._client[database]
        self._stored = self._database["aggregates"]
        self._bare = self._database["bare"]

    async def weigh(self, timeframe: Timeframe) -> dict[str, int]:
        """Return the bytes of all buckets on disk, and those of the indexes."""
        del timeframe
        # Sizes on disk are those of the last checkpoint, which this makes.
        await self._client.admin.command("fsync")
        [told] = await (await self._stored.aggregate([_STATISTICS])).to_list()
        stats = told["storageStats"]
        # In one sum: files grow and shrink by pages, now the documents' and now the indexes'.
        used = stats["storageSize"] - stats["freeStorageSize"] + stats["totalIndexSize"]
        return {"on disk, with indexes": used}

    async def bson(self) -> dict[str, tuple[int, int]]:
        """Return how many documents there are of each timeframe, and their bytes as BSON."""
        group = {
            "_id": "$timeframe",
            "count": {"$sum": 1},
            "bytes": {"$sum": {"$bsonSize": "$$ROOT"}},
        }
        found = await (await self._stored.aggregate([{"$group": group}])).to_list()
        return {one["_id"]: (one["count"], one["bytes"]) for one in found}

    async def cpu_us(self) -> int:
        """Return what the server has used of CPU."""
        told = (await self._client.admin.command("serverStatus"))["extra_info"]
        return int(told["user_time_us"]) + int(told["system_time_us"])

    async def cases(self) -> list[Case]:
        """Return the same saves by one bulk_write each and nothing else; see `fill` before."""
        await self._bare.create_index([(name, ASCENDING) for name in _KEY], unique=True)
        minutes = await self._documents(Timeframe.M1, 240)
        seconds = await self._documents(Timeframe.S1, LIVE_SAVES)
        live = [list(pair) for pair in zip(minutes, seconds, strict=False)][:LIVE_SAVES]
        many = [minutes[at : at + A_SAVE] for at in range(0, len(minutes), A_SAVE)]
        return [
            self._case(BARE_LIVE, "save", live, len(live)),
            self._case(BARE_MANY, "profile", many, len(minutes)),
        ]

    async def close(self) -> None:
        """Remove the database."""
        await self._client.drop_database(self._database.name)
        await self._client.close()

    def _case(self, what: str, unit: str, saves: Sequence[list[Document]], units: int) -> Case:
        name = Name(TIER, ENGINE, what, unit)
        return Case(name, self._write(saves, units), self.cpu_us)

    def _write(self, saves: Sequence[list[Document]], units: int) -> Callable[[], Awaitable[int]]:
        async def work() -> int:
            for documents in saves:
                for document in documents:
                    document["position"] += 1
                writes = [
                    ReplaceOne({name: one[name] for name in _KEY}, one, upsert=True)
                    for one in documents
                ]
                await self._bare.bulk_write(writes, ordered=False)
            return units

        return work

    async def _documents(self, timeframe: Timeframe, most: int) -> list[Document]:
        found = self._stored.find({"timeframe": timeframe.value}, {"_id": 0}).sort("start")
        return await found.limit(most).to_list()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Warm, BareMongo]]:
    """Open the warm tier of the settings' MongoDB in a new database, which is dropped."""
    assert settings.mongodb_url is not None, "asked for where it is set"
    url, database = settings.mongodb_url.get_secret_value(), f"bench_{secrets.token_hex(4)}"
    async with open_mongo(MongoPlan(url, database, settings.store_timeout_s)) as stores:
        bare = BareMongo(url, database)
        try:
            yield Warm(ENGINE, stores.part, bare.weigh, bare.cpu_us), bare
        finally:
            await bare.close()
