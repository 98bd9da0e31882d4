"""Quotas in Redis: shared by racing clients, exact in its numbers, gone by themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.quotas import MOST, RedisQuotas
from cloud_marketdata.storage.redis.servers import OneServer
from cloud_marketdata.storage.redis.url import Options
from cloud_marketdata.storage.security_ports import Rate
from servers.redis import RedisServer

pytestmark = pytest.mark.anyio
HOUR = Rate(50, 3600)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(redis_url) -> AsyncIterator[Client]:
    made = Client(OneServer(Options(redis_url, 5)))
    yield made
    await made.servers.close()


@pytest.fixture
def quotas(client) -> RedisQuotas:
    return RedisQuotas(client, Keys())


async def test_eight_racing_clients_together_get_one_quota(redis_url):
    async def race(quotas, random: Random) -> int:
        got = 0
        for _ in range(12):
            got += (await quotas.take("one", HOUR)).ok
            await asyncio.sleep(random.uniform(0, 0.002))
        return got

    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(
                open_redis(RedisPlan(redis_url), SystemClock(), above=0)
            )
            for _ in range(8)
        ]
        got = await asyncio.gather(
            *(race(hot.part.quotas, Random(n)) for n, hot in enumerate(opened))  # noqa: S311  a course to repeat
        )

    assert sum(got) == 50
    assert all(got)


async def test_its_arithmetic_is_exact_up_to_the_largest_rate(client, quotas):
    for rate in (Rate(3, 3_000_000_000), Rate(7, 10**9), Rate(9000, 10**6), Rate(10**7, 900)):
        assert rate.quota * rate.seconds < MOST
        key = Keys().quota("one", rate.seconds)
        for cost in (rate.quota // 3, rate.quota):
            await client.ask(key, "DEL", key)
            taken = await quotas.take("one", rate, cost)
            _, parts = (await client.ask(key, "GET", key)).split()
            assert int(parts) == cost * rate.seconds * 1_000_000
            assert taken.left == rate.quota - cost
            assert taken.full_s == -(-cost * rate.seconds * 10**6 // rate.quota) / 10**6


async def test_a_long_course_comes_to_the_same_as_counting(quotas):
    rate, random = Rate(5000, 1_000_000), Random(7)  # noqa: S311  a course to repeat
    left = rate.quota
    for _ in range(300):
        cost = random.choice((1, 5, 10, 100, left // 9, left + 1))
        taken = await quotas.take("one", rate, cost)
        assert taken.ok == (cost <= left)
        left -= cost * taken.ok
        assert taken.left == left


async def test_a_rate_beyond_its_numbers_is_a_mistake(quotas):
    with pytest.raises(AssertionError):
        await quotas.take("one", Rate(MOST, 1))


async def test_a_name_lives_as_long_as_something_is_owed(client, quotas):
    key = Keys().quota("one", 10)
    taken = await quotas.take("one", Rate(1000, 10), 50)
    left_ms = await client.ask(key, "PTTL", key)

    assert 0 < left_ms <= taken.full_s * 1000 == 500
    await asyncio.sleep(0.51)
    assert await client.ask(key, "EXISTS", key) == 0
    await quotas.take("one", Rate(1000, 10), 2000)
    assert await client.ask(key, "EXISTS", key) == 0


async def test_a_server_that_forgot_the_script_is_told_it_again(client, quotas):
    for left in (49, 48, 47):
        assert (await quotas.take("one", HOUR)).left == left
        await client.ask("", "SCRIPT", "FLUSH")


async def test_a_clock_that_was_set_back_holds_nobody_up_longer(client, quotas):
    rate = Rate(100, 1)
    key = Keys().quota("one", 1)
    seconds, micros = await client.ask(key, "TIME")
    ahead = (int(seconds) + 86_400) * 10**6 + int(micros)
    await client.ask(key, "SET", key, f"{ahead} {100 * 10**6}", "PX", 60_000)

    assert not (await quotas.take("one", rate)).ok
    assert await client.ask(key, "PTTL", key) <= 1000
    await asyncio.sleep(0.03)
    assert (await quotas.take("one", rate, 2)).ok


async def test_a_full_memory_and_a_server_that_is_away_are_told(tmp_path):
    with RedisServer(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:
        client = Client(OneServer(Options(server.url, 1)))
        quotas = RedisQuotas(client, Keys())
        with pytest.raises(StorageError, match="out of memory"):
            await quotas.take("one", HOUR)
        server.kill()
        with pytest.raises(StorageError, match="is away"):
            await quotas.take("one", HOUR)
        await client.servers.close()
