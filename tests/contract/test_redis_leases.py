"""Leases in Redis under racing clients, and after Redis has lost them."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise
from random import Random

import pytest

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.redis import RedisPlan, open_redis

pytestmark = pytest.mark.anyio
LASTS_S = 0.03
CLIENTS = 8


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_of_eight_racing_clients_one_holds_at_a_time_under_tokens_that_grow(redis_url):
    clock = SystemClock()
    held: list[tuple[float, float, int, str]] = []

    async def race(leases, holder: str, random: Random) -> None:
        for _ in range(15):
            asked = clock.monotonic()
            token = await leases.acquire("m", holder, LASTS_S)
            got = clock.monotonic()
            if token is None:
                await asyncio.sleep(random.uniform(0, 0.02))
                continue
            await asyncio.sleep(random.uniform(0, 0.01))
            until = clock.monotonic()
            # It held for certain from the answer on until it ran out, counted from the question.
            held.append((got, min(until, asked + LASTS_S), token, holder))
            if random.random() < 0.7:
                await leases.release("m", holder)

    async with AsyncExitStack() as stack:
        plan = RedisPlan(redis_url)
        hots = [
            await stack.enter_async_context(open_redis(plan, clock, above=0))
            for _ in range(CLIENTS)
        ]
        async with asyncio.TaskGroup() as group:
            for number, hot in enumerate(hots):
                random = Random(number)  # noqa: S311  # a course to repeat, no secret
                group.create_task(race(hot.part.leases, f"client {number}", random))

    held.sort()
    assert len({holder for *_, holder in held}) > 1
    for (_, until, token, holder), (since, _, later, successor) in pairwise(held):
        if holder == successor:
            assert later >= token
        else:
            assert since >= until
            assert later > token


async def test_tokens_grow_also_where_redis_has_lost_the_lease(redis_url, redis_server):
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as hot:
        first = await hot.part.leases.acquire("m", "one", 60)
        assert await hot.part.leases.acquire("m", "two", 60) is None
        redis_server.empty()

        second = await hot.part.leases.acquire("m", "two", 60)

    assert second > first
