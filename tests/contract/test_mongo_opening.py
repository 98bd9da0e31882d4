"""Opening MongoDB: what it refuses, and how it says so."""

import asyncio
import traceback

import pytest
from contract_samples import BTC, VENUE
from mongo_watching import dropped_sockets
from pymongo import MongoClient

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from servers.mongodb import MongoServer
from servers.program import free_port

pytestmark = pytest.mark.anyio


collected = pytest.fixture(autouse=True)(dropped_sockets)


async def refusal(url: str, database: str = "unused", timeout_s: float = 5.0) -> str:
    """Try to open; return the one line that says why it cannot be done."""
    with pytest.raises(StorageError) as caught:
        async with open_mongo(MongoPlan(url, database, timeout_s)):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_an_empty_database_is_filled_once_by_many_at_a_time(mongodb_url, mongodb_database):
    async def opens() -> str:
        async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5.0)) as warm:
            await warm.part.instruments.save([BTC])
            await warm.probe()
            return warm.engine

    engines = await asyncio.gather(*(opens() for _ in range(6)))

    assert len(set(engines)) == 1
    assert engines[0].startswith("MongoDB ")
    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5.0)) as warm:
        assert await warm.part.instruments.all() == [BTC]
        assert await warm.stored.schema.count_documents({}) == 1


@pytest.mark.parametrize("version", [0, 2, 99, "1"])
async def test_another_version_of_the_schema_is_refused_and_left_as_it_was(
    mongodb_url, mongodb_database, version
):
    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5.0)) as warm:
        await warm.part.instruments.save([BTC])
    with MongoClient(mongodb_url) as client:
        schema = client[mongodb_database].schema
        schema.update_one({}, {"$set": {"version": version}})
        before = list(schema.find())

        said = await refusal(mongodb_url, mongodb_database)

        told = f"MongoDB: {mongodb_database} has schema version {version}, this program reads 1"
        assert said.startswith(told)
        assert list(schema.find()) == before


async def test_somebody_elses_database_is_refused_and_left_as_it_was(mongodb_url, mongodb_database):
    with MongoClient(mongodb_url) as client:
        client[mongodb_database].invoices.insert_one({"_id": 1})

        said = await refusal(mongodb_url, mongodb_database)

        assert said == f"MongoDB: the database {mongodb_database} belongs to another use"
        assert client[mongodb_database].list_collection_names() == ["invoices"]


async def test_a_server_that_nobody_listens_on_is_told_within_the_time_out():
    # By itself the driver looks for a server for thirty seconds.
    async with asyncio.timeout(10):
        said = await refusal(f"mongodb://127.0.0.1:{free_port()}/", timeout_s=0.5)

    assert said.startswith("MongoDB: no ")


async def test_a_server_without_transactions_is_refused(tmp_path):
    with MongoServer(tmp_path) as alone:
        said = await refusal(f"mongodb://{alone.address}/?directConnection=true")

    assert said == "MongoDB: a server on its own has no transactions; make it a replica set"


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://user:pa/ss-word@127.0.0.1/",
        "mongodb://user:pa@ss-word@127.0.0.1/",
        "mongodb://user:pass-word@127.0.0.1:port/",
        "mongodb://user:pass-word@127.0.0.1/?noSuchOption=pass-word",
        "mongodb://user:pass-word@127.0.0.1/?authMechanism=none",
        "http://user:pass-word@127.0.0.1/",
        "user:pass-word",
        "",
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_without_being_shown(url):
    with pytest.raises(StorageError) as caught:
        async with open_mongo(MongoPlan(url, "unused", 0.5)):
            pass

    assert str(caught.value) == "MongoDB: the URL or one of its options cannot be used"
    assert "ss-word" not in "".join(traceback.format_exception(caught.value))


def test_a_plan_does_not_show_its_url():
    plan = MongoPlan("mongodb://user:pass-word@127.0.0.1/", "marketdata", 5.0)

    assert "pass-word" not in repr(plan)
    assert "pass-word" not in f"{plan}"


async def test_a_server_that_stands_still_is_told_by_the_probe_within_a_second(
    mongodb_server, mongodb_url, mongodb_database
):
    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5.0)) as warm:
        (node,) = mongodb_server.nodes
        node.pause()
        try:
            # Long before the patience of five seconds that everything else has.
            async with asyncio.timeout(4):
                with pytest.raises(StorageError, match="no answer in time"):
                    await warm.probe()
        finally:
            node.resume()
        await warm.probe()
        assert await warm.part.instruments.find(VENUE, "BTCUSDT") is None
