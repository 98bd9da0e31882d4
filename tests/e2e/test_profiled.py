"""The profiler of a real mongod tells what was asked, so that no process can ask in secret."""

import asyncio

import pymongo
import pytest
from profiled import led_astray, profile

from cloud_marketdata.storage.mongo import MongoPlan, open_mongo

pytestmark = pytest.mark.anyio
MINE = {"symbol": "BTCUSDT", "venue": "binance-spot"}
LONG = {"$set": {"body": "x" * 200_000}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("wanted", [MINE, {"venue": "binance-spot"}, {}], ids=str)
async def test_a_command_of_any_kind_and_length_is_told(mongodb_url, mongodb_database, wanted):
    profile_of = (mongodb_url, mongodb_database)
    await asyncio.to_thread(profile, *profile_of)
    async with open_mongo(MongoPlan(*profile_of, 5.0)) as warm:
        coverage = warm.stored.coverage
        await coverage.find_one(wanted)
        await coverage.update_many(wanted, {"$set": {"end": 1}})
        await coverage.update_one(wanted | {"key": "a"}, LONG, upsert=True)
        await coverage.count_documents(wanted)
        await coverage.delete_many(wanted)
    with pymongo.MongoClient(mongodb_url) as client:
        kinds, wrong = led_astray(client[mongodb_database])
    assert kinds >= {(name, "coverage") for name in ("find", "update", "aggregate", "delete")}
    assert len(wrong) == (0 if wanted is MINE else 5)
