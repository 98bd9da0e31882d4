"""Cancelling what asks a server: it ends, or else no stop would, and it harms nobody else.

MongoDB's driver sends and waits through Python 3.11's `asyncio.wait_for`. That loses a cancellation
which comes just when what it waits for is done; and one that comes at the driver's own time-out
makes the driver release a lock that it does not have, so that one is held for ever.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
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
_PROCESS = Path(__file__).with_name("cancelling_process.py")


async def asked(warm: WarmPart) -> None:
    await warm.instruments.find(Venue.BINANCE_USDM, "BTCUSDT")


async def asking_mongodb(warm: WarmPart) -> None:
    while True:
        await asked(warm)


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


def test_a_mongodb_that_comes_back_is_used_again_whatever_was_cancelled_meanwhile(
    mongodb_server, mongodb_url, mongodb_database
):
    command = [sys.executable, str(_PROCESS), mongodb_url, mongodb_database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            mongodb_server.kill()
            assert process.stdout.readline() == "cancelled\n"
            mongodb_server.start()
            assert process.wait(60) == 0
        finally:
            process.kill()


async def test_whoever_asks_redis_all_the_time_can_be_cancelled(redis_url):
    plan = RedisPlan(redis_url, cluster=False, replicas=0, timeout_s=5)
    async with open_redis(plan, SystemClock(), above=0) as redis:
        await every_trial_ends(partial(asking_redis, redis.part))
