"""Laws of the steps between versions, on a real MongoDB and a real Redis, with steps of the tests.

The product has one version of each so far and so no step; that one can be taken is shown here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from contract_samples import BTC, VENUE
from pymongo import AsyncMongoClient

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.mongo import schema as mongo
from cloud_marketdata.storage.mongo.names import ALL_MARKETS, of_market
from cloud_marketdata.storage.redis import version as redis
from cloud_marketdata.storage.redis.check import check
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.servers import OneServer
from cloud_marketdata.storage.redis.url import Options
from cloud_marketdata.storage.stepping import Ladder, Mark, climb

pytestmark = pytest.mark.anyio

CLOCK = SystemClock()
Marks = Callable[[], Awaitable[Mark]]
"""Another process's view of one store, whose version is 1."""


class Hasty(SystemClock):
    """A clock on which waiting takes a hundredth of the time."""

    async def sleep(self, seconds: float) -> None:
        """Wait a little."""
        await asyncio.sleep(seconds / 100)


@pytest.fixture(params=["mongodb", "redis"])
async def marks(request: pytest.FixtureRequest) -> AsyncIterator[Marks]:
    async with AsyncExitStack() as stack:
        if request.param == "mongodb":
            url = request.getfixturevalue("mongodb_url")
            name = request.getfixturevalue("mongodb_database")

            async def one() -> Mark:
                client = await stack.enter_async_context(AsyncMongoClient(url, timeoutMS=5000))
                await mongo.prepare(client[name])
                return mongo.SchemaMark(client[name])
        else:
            url = request.getfixturevalue("redis_url")

            async def one() -> Mark:
                client = Client(OneServer(Options(url, 5)))
                stack.push_async_callback(client.servers.close)
                mark = redis.SchemaMark(client, Keys())
                await mark.begin(1)
                return mark

        yield one


async def test_of_many_that_start_at_once_one_takes_each_step(marks):
    taken = []

    async def step() -> None:
        at = len(taken)
        taken.append("begun")
        await asyncio.sleep(0.05)
        taken[at] = "done"

    others = [await marks() for _ in range(6)]
    ladder = Ladder(3, {1: step, 2: step})
    await asyncio.gather(*(climb(one, ladder, CLOCK) for one in others))

    assert taken == ["done", "done"]
    assert [await one.read() for one in others] == [3] * 6


async def test_who_dies_in_a_step_leaves_it_to_the_next_one_when_its_claim_has_lapsed(marks):
    dead, alive = await marks(), await marks()
    taken = []

    async def step() -> None:
        taken.append(CLOCK.monotonic())

    began = CLOCK.monotonic()
    assert await dead.claim("dead", 0.6)
    await climb(alive, Ladder(2, {1: step}), CLOCK)

    [at] = taken
    assert at - began >= 0.6
    assert await alive.read() == 2


async def test_a_step_that_fails_leaves_the_version_and_bars_nobody(marks):
    one, other = await marks(), await marks()

    async def broken() -> None:
        msg = "the disk is full"
        raise StorageError(msg)

    async def step() -> None:
        pass

    with pytest.raises(StorageError, match="the disk is full"):
        await climb(one, Ladder(2, {1: broken}), CLOCK)
    assert await other.read() == 1
    await climb(other, Ladder(2, {1: step}), CLOCK)
    assert await one.read() == 2


async def test_who_was_away_for_too_long_does_not_write_the_version(marks):
    slow, quick = await marks(), await marks()

    async def step() -> None:
        # As if this process had been stopped: its claim is another's by now.
        assert not await quick.claim("quick", 30)
        await slow.release(holders[0])
        assert await quick.claim("quick", 30)

    holders: list[str] = []
    claim = slow.claim

    async def noted(holder: str, seconds: float) -> bool:
        holders.append(holder)
        return await claim(holder, seconds)

    slow.claim = noted
    with pytest.raises(StorageError, match="another process began the step from version 1 again"):
        await climb(slow, Ladder(2, {1: step}), CLOCK)
    assert await quick.read() == 1
    assert await quick.raise_to(2, "quick")


async def test_a_claim_is_kept_as_long_as_the_step_takes(marks):
    slow, other = await marks(), await marks()
    begun, may_end = asyncio.Event(), asyncio.Event()
    claim, claims = slow.claim, []

    async def step() -> None:
        begun.set()
        await may_end.wait()

    async def counted(holder: str, seconds: float) -> bool:
        claims.append(await claim(holder, seconds))
        return claims[-1]

    slow.claim = counted

    async with asyncio.TaskGroup() as group:
        # On this clock the claim is renewed every tenth of a second.
        group.create_task(climb(slow, Ladder(2, {1: step}), Hasty()))
        await begun.wait()
        await asyncio.sleep(0.3)
        assert not await other.claim("other", 30)
        assert claims[1:]
        may_end.set()
    assert all(claims)
    assert await other.read() == 2


async def test_who_waits_for_two_minutes_refuses_to_start(marks):
    one, other = await marks(), await marks()
    now = 0.0

    class Far(Hasty):
        def monotonic(self) -> float:
            nonlocal now
            now += 40
            return now

    assert await one.claim("one", 30)
    with pytest.raises(StorageError, match="another process has not brought it to 2 yet"):
        await climb(other, Ladder(2, {1: asyncio.Event().wait}), Far())
    assert await one.read() == 1


async def test_a_newer_store_and_one_without_a_step_are_refused(marks):
    mark = await marks()

    with pytest.raises(StorageError, match=r"version 1, this program reads 0; run the newer"):
        await climb(mark, Ladder(0), CLOCK)
    with pytest.raises(StorageError, match=r"version 1, this program reads 3 and knows no step"):
        await climb(mark, Ladder(3, {2: asyncio.Event().wait}), CLOCK)
    assert await mark.read() == 1


async def test_a_mongodb_of_version_1_is_brought_to_a_version_2(mongodb_url, mongodb_database):
    async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5.0)) as warm:
        await warm.part.instruments.save([BTC])
    async with AsyncMongoClient(mongodb_url, timeoutMS=5000) as client:
        database = client[mongodb_database]

        async def step() -> None:
            new = {"$set": {"kind": "spot"}}
            # Market by market, because each lies on a shard of its own.
            await database.instruments.update_many(of_market(VENUE, "BTCUSDT"), new)

        for _ in range(2):
            await mongo.prepare(database, Ladder(2, {1: step}))
        found = await database.instruments.find({}, comment=ALL_MARKETS).to_list()
        assert [one["kind"] for one in found] == ["spot"]
        assert await database.schema.find_one({}) == {"_id": "marketdata warm", "version": 2}
    with pytest.raises(StorageError, match="schema version 2, this program reads 1; run the newer"):
        async with open_mongo(MongoPlan(mongodb_url, mongodb_database, 5.0)):
            pass


async def test_a_redis_of_version_1_is_brought_to_a_version_2_and_an_empty_one_begins_there(
    redis_url,
):
    client, keys = Client(OneServer(Options(redis_url, 5))), Keys()
    try:
        await check(client, keys, CLOCK, cluster=False)

        async def step() -> None:
            await client.ask("", "SET", "md:new", "there")

        ladder = Ladder(2, {1: step})
        await check(client, keys, CLOCK, cluster=False, ladder=ladder)
        assert await client.ask("", "GET", "md:new") == b"there"
        assert await client.ask("", "GET", keys.schema) == b"2"
        assert await client.ask("", "KEYS", "*claim*") == []
        await client.ask("", "DEL", keys.schema, "md:new")
        await check(client, keys, CLOCK, cluster=False, ladder=ladder)
        assert await client.ask("", "GET", keys.schema) == b"2"
        assert await client.ask("", "GET", "md:new") is None
    finally:
        await client.servers.close()
