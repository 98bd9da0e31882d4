"""A task that asks a server all the time ends when it is cancelled: or else no stop would.

Python 3.11's `asyncio.wait_for` loses a cancellation that comes just when what it waits for is
done, and MongoDB's driver sends every message through it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.ports import HotPart, WarmPart
from cloud_marketdata.storage.redis import RedisPlan, open_redis

# The driver leaves it to the garbage collector to close the sockets of what was cancelled.
_LEFT_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
pytestmark = [pytest.mark.anyio, _LEFT_OPEN]
_TRIALS = 150


async def asking_mongodb(warm: WarmPart) -> None:
    while True:
        await warm.instruments.find(Venue.BINANCE_USDM, "BTCUSDT")


async def asking_redis(hot: HotPart) -> None:
    while True:
        await hot.books.find(Venue.BINANCE_USDM, "BTCUSDT")


async def every_trial_ends(asking: Callable[[], Coroutine]) -> None:
    random = Random(7)  # noqa: S311  a seed must repeat
    for _ in range(_TRIALS):
        task = asyncio.ensure_future(asking())
        await asyncio.sleep(random.uniform(0.002, 0.006))
        assert await ends(task)


async def ends(task: asyncio.Task) -> bool:
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    ended = task.done()
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=1)
    return ended


async def test_whoever_asks_mongodb_all_the_time_can_be_cancelled(mongodb_url, mongodb_database):
    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5)) as mongo:
        await every_trial_ends(partial(asking_mongodb, mongo.part))


async def test_whoever_asks_redis_all_the_time_can_be_cancelled(redis_url):
    plan = RedisPlan(redis_url, cluster=False, replicas=0, timeout_s=5)
    async with open_redis(plan, SystemClock(), above=0) as redis:
        await every_trial_ends(partial(asking_redis, redis.part))
