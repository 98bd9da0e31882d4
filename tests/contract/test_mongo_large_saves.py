"""After an absence a save holds thousands of buckets: it gets the time that takes."""

import asyncio

import pytest
from contract_samples import BTC, ETH, aggregate

from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo

pytestmark = [pytest.mark.anyio, pytest.mark.long]
MANY = 3_000
PATIENCE_S = 1.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_saves_that_take_longer_than_the_patience_with_one_request_come_through(
    mongodb_url, mongodb_database
):
    saves = {
        one: [
            aggregate(start * NS_PER_S, instrument=one, final=True) for start in range(1, MANY + 1)
        ]
        for one in (BTC, ETH)
    }
    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, PATIENCE_S)) as warm:
        await asyncio.gather(*map(warm.part.aggregates.save, saves.values()))

    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 30)) as warm:
        for one in saves:
            found = await warm.part.aggregates.find_by_range(
                one.venue, one.symbol, Timeframe.S1, 0, 1 << 60
            )
            assert len(found) == MANY
