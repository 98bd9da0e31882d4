"""A command that mongos would send to every shard is noticed, of whatever kind it is."""

import pytest
from pymongo import DeleteOne, InsertOne, UpdateOne

from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.mongo.names import (
    ALL_MARKETS,
    EVERY_SHARD,
    INDEXES,
    SHARD_KEY,
    UNSHARDED,
    Collections,
)
from servers.routing import WATCH, astray

pytestmark = pytest.mark.anyio
BTC = {"symbol": "BTCUSDT", "venue": "binance-spot"}
WITHOUT = {"symbol": "BTCUSDT", "start": 5}
SET = {"$set": {"end": 1}}

COMMANDS = {
    "find": lambda one, wanted: one.find(wanted).to_list(),
    "find with an order": lambda one, wanted: one.find_one(wanted, sort=[("start", -1)]),
    "update one": lambda one, wanted: one.update_one(wanted, SET),
    "update many": lambda one, wanted: one.update_many(wanted, SET),
    "upsert": lambda one, wanted: one.update_one(wanted, SET, upsert=True),
    "delete one": lambda one, wanted: one.delete_one(wanted),
    "delete many": lambda one, wanted: one.delete_many(wanted),
    "find and update": lambda one, wanted: one.find_one_and_update(wanted, SET),
    "find and delete": lambda one, wanted: one.find_one_and_delete(wanted),
    "distinct": lambda one, wanted: one.distinct("key", wanted),
    "count": lambda one, wanted: one.count_documents(wanted),
    "count of the server": lambda one, wanted: one.database.command(
        {"count": one.name, "query": wanted}
    ),
    "insert": lambda one, wanted: one.insert_one(dict(wanted)),
    "insert many": lambda one, wanted: one.insert_many([{**BTC, "key": str(wanted)}, dict(wanted)]),
    "bulk of updates": lambda one, wanted: one.bulk_write([UpdateOne(wanted, SET)]),
    "bulk of deletes": lambda one, wanted: one.bulk_write([DeleteOne(BTC), DeleteOne(wanted)]),
    "bulk of inserts": lambda one, wanted: one.bulk_write([InsertOne(dict(wanted))]),
}


@pytest.fixture
async def coverage(mongodb_url, mongodb_database):
    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5.0)) as warm:
        WATCH.clear()
        yield warm.stored.coverage


LACKING = (
    {},
    {"symbol": "BTCUSDT"},
    {"venue": "x"},
    {"symbol": 5, "venue": "x"},
    {"symbol": {"$in": ["BTCUSDT"]}, "venue": "x"},
)


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_without_the_shard_key_is_noticed(coverage, name):
    for lacking in LACKING:
        if "insert" in name and "$in" in str(lacking):
            continue
        await COMMANDS[name](coverage, {**lacking, "start": 5})

        assert len(WATCH.astray) == 1, WATCH.asked
        WATCH.clear()


@pytest.mark.parametrize("ask", COMMANDS.values(), ids=COMMANDS)
async def test_a_command_with_the_shard_key_is_not(coverage, ask):
    await ask(coverage, {**BTC, "key": "y", "start": 5})

    assert len(WATCH.asked) == 1
    assert WATCH.astray == []


PIPELINES = {
    "no match": [{"$group": {"_id": "$symbol"}}],
    "match later": [{"$sort": {"start": 1}}, {"$match": BTC}],
    "half a match": [{"$match": {"symbol": "BTCUSDT"}}],
    "out": [{"$match": BTC}, {"$out": "elsewhere"}],
    "merge": [{"$match": BTC}, {"$merge": {"into": "elsewhere"}}],
    "lookup": [
        {"$match": BTC},
        {"$lookup": {"from": "markets", "localField": "key", "foreignField": "key", "as": "it"}},
    ],
}


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
async def test_a_pipeline_that_leaves_its_shard_is_noticed(coverage, pipeline):
    await (await coverage.aggregate(pipeline)).to_list()

    assert WATCH.astray
    WATCH.clear()


@pytest.mark.parametrize(
    "change",
    [{"$set": {"symbol": "ETHUSDT"}}, {"$unset": {"venue": ""}}, [{"$set": {"venue": "y"}}]],
    ids=str,
)
async def test_a_change_of_the_shard_key_is_noticed(coverage, change):
    await coverage.update_one(BTC, change)

    assert "it changes" in WATCH.why[0]
    WATCH.clear()


async def test_a_document_put_in_place_of_another_keeps_the_shard_key(coverage):
    await coverage.replace_one(BTC, {**BTC, "end": 1}, upsert=True)
    assert WATCH.why == []
    await coverage.replace_one(BTC, {"end": 1})
    assert len(WATCH.why) == 2
    WATCH.clear()


async def test_to_say_that_it_is_about_all_markets_is_not_enough(coverage):
    await coverage.find({}, comment=ALL_MARKETS).to_list()
    assert WATCH.astray
    WATCH.clear()
    await coverage.database.instruments.find({}, comment=ALL_MARKETS).to_list()
    assert WATCH.astray == []
    await coverage.database.instruments.find({}).to_list()
    assert WATCH.astray
    WATCH.clear()


def test_a_bulk_write_over_several_collections_is_looked_at_one_by_one():
    names = [{"ns": "db.coverage"}, {"ns": "db.api_keys"}]
    update = {"update": 0, "filter": BTC, "updateMods": SET}
    for each, noticed in (
        (update, 0),
        ({**update, "filter": WITHOUT}, 1),
        ({"delete": 0, "filter": WITHOUT}, 1),
        ({"insert": 0, "document": WITHOUT}, 1),
        ({"delete": 1, "filter": {}}, 0),
    ):
        assert len(list(astray("bulkWrite", {"ops": [each], "nsInfo": names}))) == noticed


def test_what_is_not_sharded_is_nobodys_concern():
    for name in UNSHARDED:
        assert list(astray("find", {"find": name, "filter": {}})) == []


def test_every_collection_is_sharded_or_has_a_reason_not_to_be():
    assert {*INDEXES, *UNSHARDED} == set(Collections._fields)
    assert not INDEXES.keys() & UNSHARDED
    assert all(UNSHARDED.values())


def test_what_goes_to_every_shard_is_of_a_sharded_collection_and_has_a_reason():
    assert {collection for _, collection in EVERY_SHARD} <= INDEXES.keys()
    assert all(EVERY_SHARD.values())


@pytest.mark.parametrize("name", INDEXES)
def test_each_collection_can_be_split_finer_by_what_is_unique_in_it(name):
    """MongoDB refines a shard key in place where an index begins with the finer one."""
    unique = [index.document for index in INDEXES[name] if index.document.get("unique")]

    assert len(unique) == 1
    assert tuple(unique[0]["key"])[: len(SHARD_KEY)] == SHARD_KEY
