"""What MongoDB itself deletes: what was given up, and nothing else."""

import asyncio

import pytest
from contract_samples import VENUE, aggregate
from mongo_watching import watched

from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.storage.mongo import MongoWarm
from cloud_marketdata.storage.mongo.names import of_market

pytestmark = pytest.mark.anyio
S = NS_PER_S
SECONDS = (VENUE, "BTCUSDT", Timeframe.S1)
BTCUSDT = of_market(VENUE, "BTCUSDT")


async def starts(warm: MongoWarm) -> list[int]:
    """Return the seconds at which a document lies in the collection, found by questions or not."""
    found = await warm.stored.aggregates.find(BTCUSDT).sort("start").to_list()
    return [document["start"] // S for document in found]


async def emptied_down_to(warm: MongoWarm, left: list[int]) -> list[int]:
    """Wait until MongoDB has deleted the rest, which it looks for once a second here."""
    for _ in range(100):
        found = await starts(warm)
        if found == left:
            break
        await asyncio.sleep(0.1)
    return found


async def test_what_was_given_up_is_gone_at_once_and_deleted_by_mongodb(
    mongodb_url, mongodb_database
):
    async with watched(mongodb_url, mongodb_database) as warm:
        aggregates = warm.part.aggregates
        closed = [aggregate(at * S, final=True) for at in (1, 2, 3, 5, 6)]
        await aggregates.save([*closed, aggregate(4 * S)])

        assert await aggregates.forget(*SECONDS, 6 * S) == 4
        found = await aggregates.find_by_range(*SECONDS, 0, 1 << 62)
        assert [one.start // S for one in found] == [4, 6]
        assert await emptied_down_to(warm, [4, 6]) == [4, 6]


async def test_age_alone_deletes_nothing(mongodb_url, mongodb_database):
    """MongoDB is seen to delete in between, so it has looked at the others too and let them be."""
    async with watched(mongodb_url, mongodb_database) as warm:
        other = (VENUE, "BTCUSDT", Timeframe.S5)
        await warm.part.aggregates.save(
            [
                aggregate(S, final=True),
                aggregate(0, timeframe=Timeframe.S5, final=True),
            ]
        )
        await warm.part.aggregates.forget(*other, 5 * S)

        assert await emptied_down_to(warm, [1]) == [1]
        assert len(await warm.part.aggregates.find_by_range(*SECONDS, 0, 1 << 62)) == 1


async def test_a_removed_bucket_that_still_lies_there_is_not_brought_back(
    mongodb_url, mongodb_database
):
    async with watched(mongodb_url, mongodb_database) as warm:
        aggregates = warm.part.aggregates
        await aggregates.save([aggregate(S, final=True)])
        await aggregates.forget(*SECONDS, 2 * S)
        await aggregates.save([aggregate(S, position=9, final=True)])

        assert await aggregates.find_by_range(*SECONDS, 0, 1 << 62) == []
        assert await aggregates.bounds(*SECONDS) is None
