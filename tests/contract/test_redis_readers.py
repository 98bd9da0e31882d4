"""Laws of the consumer group behind a reader."""

import pytest
from contract_samples import TRADES, batch
from redis_relay import relay

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.redis.keys import Keys

pytestmark = pytest.mark.anyio
KEY = Keys().entries(TRADES)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def hot(redis_url):
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as opened:
        yield opened


async def pending(hot) -> int:
    """Return how many entries the group waits to hear of."""
    return (await hot.condition._client.ask(KEY, "XPENDING", KEY, "workers"))[0]


def numbers(records) -> list[int]:
    return [event.id for record in records for event in record.events]


async def test_what_was_read_is_pending_until_it_is_acknowledged(hot):
    positions = await hot.log.append([batch(time) for time in range(1, 6)])
    reader = await hot.log.reader(TRADES, after=0)
    await reader.read()
    assert await pending(hot) == 5

    await reader.acknowledge(positions[2])

    assert await pending(hot) == 2


async def test_a_successor_takes_over_what_was_pending_also_where_it_was_trimmed(hot):
    positions = await hot.log.append([batch(time) for time in range(1, 6)])
    dead = await hot.log.reader(TRADES, after=0)
    await dead.read()
    assert await hot.log.trim(TRADES, upto=positions[1], before=1 << 62) == 2

    heir = await hot.log.reader(TRADES, after=positions[2])

    assert await pending(hot) == 0
    assert numbers(await heir.read()) == [4, 5]


async def test_a_reader_that_wakes_up_takes_nothing_from_its_successor(hot):
    await hot.log.append([batch(1)])
    paused = await hot.log.reader(TRADES, after=0)
    assert numbers(await paused.read()) == [1]
    heir = await hot.log.reader(TRADES, after=0)
    await hot.log.append([batch(2)])

    for _ in range(3):
        with pytest.raises(FencedError):
            await paused.read()

    assert numbers(await heir.read()) == [1, 2]


@pytest.mark.parametrize("lost", ["question", "answer"])
async def test_a_reply_that_is_lost_leaves_nothing_out_and_brings_nothing_twice(
    redis_url, hot, lost
):
    await hot.log.append([batch(time) for time in range(1, 10)])
    async with (
        relay(redis_url) as (between, url),
        open_redis(RedisPlan(url), SystemClock(), above=0) as far,
    ):
        reader = await far.log.reader(TRADES, after=0)
        read = numbers(await reader.read(2))
        while len(read) < 9:
            between.lose = lost
            with pytest.raises(StorageError):
                await reader.read(2)
            read += numbers(await reader.read(2))

    assert read == list(range(1, 10))


@pytest.mark.parametrize("lost", ["question", "answer"])
async def test_opening_again_after_a_lost_reply_is_not_being_taken_over(redis_url, hot, lost):
    await hot.log.append([batch(1), batch(2)])
    async with (
        relay(redis_url) as (between, url),
        open_redis(RedisPlan(url), SystemClock(), above=0) as far,
    ):
        reader = await far.log.reader(TRADES, after=0)
        read = numbers(await reader.read(1))
        for _ in range(2):  # the first loss is a read's, the second that of the opening after it
            between.lose = lost
            with pytest.raises(StorageError):
                await reader.read(1)

        assert read + numbers(await reader.read(1)) == [1, 2]


async def test_a_reader_in_doubt_does_not_take_the_group_from_its_successor(redis_url, hot):
    await hot.log.append([batch(1), batch(2)])
    async with (
        relay(redis_url) as (between, url),
        open_redis(RedisPlan(url), SystemClock(), above=0) as far,
    ):
        paused = await far.log.reader(TRADES, after=0)
        between.lose = "answer"
        with pytest.raises(StorageError):
            await paused.read()
        heir = await hot.log.reader(TRADES, after=0)
        with pytest.raises(FencedError):
            await paused.read()

    assert numbers(await heir.read()) == [1, 2]


async def test_a_reader_goes_on_where_redis_has_lost_everything(hot, redis_server):
    await hot.log.append([batch(1)])
    reader = await hot.log.reader(TRADES, after=0)
    await reader.read()
    redis_server.empty()
    assert await reader.read() == []
    await hot.log.append([batch(2), batch(3)])

    assert numbers(await reader.read(1)) == [2]
    assert numbers(await reader.read()) == [3]


async def test_a_group_that_fell_back_brings_nothing_twice(hot):
    positions = await hot.log.append([batch(time) for time in range(1, 6)])
    reader = await hot.log.reader(TRADES, after=0)
    await reader.read(3)
    # A replica that took over may have missed what the group had been given.
    await hot.condition._client.ask(KEY, "XGROUP", "SETID", KEY, "workers", "0")

    assert numbers(await reader.read(2)) == [4]
    assert numbers(await reader.read(2)) == [5]
    assert positions == sorted(positions)


async def test_a_reader_of_a_stream_without_entries_makes_no_stream(hot):
    reader = await hot.log.reader(TRADES, after=0)

    assert await reader.read() == []
    assert await hot.log.streams() == []
    await hot.log.append([batch(1)])
    assert numbers(await reader.read()) == [1]


async def test_an_entry_that_cannot_be_read_is_not_passed_over_with_its_page(hot):
    entries = await hot.log.stamp([batch(1), batch(2), batch(3)])
    # As a newer release would write it while an older one still reads.
    entries[1] = entries[1]._replace(block=b"\xff" + entries[1].block[1:])
    await hot.log.write(entries)
    reader = await hot.log.reader(TRADES, after=0)
    with pytest.raises(StorageError):
        await reader.read()
    await hot.log.append([batch(4)])

    with pytest.raises(StorageError):
        await reader.read()
    assert numbers(await reader.read(limit=1)) == [1]


async def test_a_full_redis_still_lets_its_readers_in_who_alone_can_make_room(hot, redis_url):
    positions = await hot.log.append([batch(time) for time in range(1, 6)])
    reader, ask = await hot.log.reader(TRADES, after=0), hot.condition._client.ask
    await ask(KEY, "CONFIG", "SET", "maxmemory", "1")
    try:
        await reader.read()
        await reader.acknowledge(positions[0])
        assert await hot.part.leases.acquire("market", "me", 5)
        await hot.part.leases.release("market", "me")
        assert numbers(await (await hot.log.reader(TRADES, after=0)).read()) == [1, 2, 3, 4, 5]
        async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as again:
            assert await again.log.trim(TRADES, upto=positions[-1], before=1 << 62) == 4
    finally:
        await ask(KEY, "CONFIG", "SET", "maxmemory", "0")
