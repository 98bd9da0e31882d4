"""Where MongoDB's questions go: to one shard, and there to an index."""

from collections.abc import AsyncIterator

import pytest
from contract_samples import BTC, VENUE, aggregate
from mongo_story import Story
from mongo_watching import watched

from cloud_marketdata.domain.coverage import Covered
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.mongo import MongoWarm
from cloud_marketdata.storage.mongo.names import INDEXES, SHARD_KEY
from cloud_marketdata.storage.ports import WarmPart
from servers.routing import WATCH, Command

pytestmark = pytest.mark.anyio
MINUTES = (VENUE, "BTCUSDT", Timeframe.M1)
EXPECTED = {
    ("find", "markets"),
    ("find", "aggregates"),
    ("find", "coverage"),
    ("find", "instruments"),
    ("update", "markets"),
    ("update", "aggregates"),
    ("update", "coverage"),
    ("update", "instruments"),
    ("delete", "coverage"),
    ("aggregate", "markets"),
}


@pytest.fixture
async def warm(mongodb_url, mongodb_database) -> AsyncIterator[MongoWarm]:
    async with watched(mongodb_url, mongodb_database) as opened:
        yield opened


async def ask_everything(part: WarmPart) -> None:
    """Use every method of every port."""
    story = Story()
    for _ in range(3):
        await part.aggregates.save(*story.next())
    await part.aggregates.save([aggregate(-(10**9), final=True, position=1)])
    await part.instruments.save([BTC])
    await part.aggregates.forget(*MINUTES, 0)
    await part.aggregates.horizon(*MINUTES)
    await part.aggregates.find_by_range(*MINUTES, 0, 1 << 62)
    await part.aggregates.position(VENUE, "BTCUSDT")
    await part.aggregates.highest()
    await part.aggregates.open(VENUE, "BTCUSDT")
    await part.aggregates.bounds(*MINUTES)
    await part.coverage.find(VENUE, "BTCUSDT", 0, 10**10)
    await part.coverage.find(VENUE, "BTCUSDT", 0, 10**10, Covered.TRADES)
    await part.instruments.find(VENUE, "BTCUSDT")
    await part.instruments.all()


async def test_every_question_carries_the_shard_key(warm):
    await ask_everything(warm.part)

    assert {(name, command[name]) for name, command in WATCH.asked} == EXPECTED
    assert WATCH.astray == []


async def test_only_the_highest_position_and_all_instruments_are_asked_of_every_shard(warm):
    await ask_everything(warm.part)

    asked = sorted((name, command[name]) for name, command in WATCH.everywhere)
    assert asked == [("aggregate", "markets"), ("find", "instruments")]


@pytest.mark.parametrize(
    "wanted", [{}, {"symbol": "BTCUSDT"}, {"venue": "x"}, {"symbol": {"$gt": ""}, "venue": "x"}]
)
async def test_a_question_without_the_shard_key_is_noticed(warm, wanted):
    await warm.stored.aggregates.find_one(wanted)
    await warm.stored.coverage.update_one(wanted, {"$set": {"end": 1}})
    await warm.stored.markets.delete_many(wanted)

    noticed = [(name, command[name]) for name, command in WATCH.astray]
    assert noticed == [("find", "aggregates"), ("update", "coverage"), ("delete", "markets")]
    WATCH.clear()


async def test_every_index_begins_with_the_shard_key_but_the_one_that_deletes(warm):
    for name in INDEXES:
        for index, told in (await warm.stored.markets.database[name].index_information()).items():
            fields = tuple(field for field, _ in told["key"])
            if index == "gone":
                assert (fields, told["expireAfterSeconds"]) == (("gone_at",), 0)
            elif index != "_id_":
                assert fields[: len(SHARD_KEY)] == SHARD_KEY


async def test_every_question_is_answered_from_an_index(warm):
    await ask_everything(warm.part)
    asked = [
        command for name, command in WATCH.asked if name == "find" and "comment" not in command
    ]

    assert len(asked) > 10
    for command in asked:
        assert _stages(await _explained(warm, command)) & {"IXSCAN", "EOF"}, command


async def test_buckets_that_are_open_are_found_without_looking_at_the_others(warm):
    closed = [aggregate(at * 10**9, final=True) for at in range(200)]
    await warm.part.aggregates.save([*closed, aggregate(300 * 10**9)])
    WATCH.clear()
    await warm.part.aggregates.open(VENUE, "BTCUSDT")
    ((_, command),) = WATCH.asked
    told = await _explained(warm, command)

    assert told["executionStats"]["totalKeysExamined"] == 1
    assert told["executionStats"]["totalDocsExamined"] == 1


async def _explained(warm: MongoWarm, command: Command) -> Command:
    kept = ("find", "filter", "sort", "limit", "projection")
    asked = {name: command[name] for name in kept if name in command}
    plan = {"explain": asked, "verbosity": "executionStats"}
    return await warm.stored.markets.database.command(plan)


def _stages(told: object) -> set[str]:
    """Return every stage of the winning plan; none may look at a whole collection."""
    plan = told["queryPlanner"]["winningPlan"] if isinstance(told, dict) else {}
    stages, left = set(), [plan]
    while left:
        one = left.pop()
        stages.add(one.get("stage", ""))
        left += [one["inputStage"]] if "inputStage" in one else one.get("inputStages", [])
    assert "COLLSCAN" not in stages
    return stages
