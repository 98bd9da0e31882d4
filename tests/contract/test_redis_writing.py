"""Laws of the Redis log alone: an entry may be written any number of times, and is there once."""

import asyncio

import pytest
from contract_samples import BTC, TRADES, batch, trade
from redis import Redis
from redis_relay import relay
from structlog.testing import capture_logs

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import TakenError
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind
from cloud_marketdata.storage.redis import RedisPlan, open_redis

pytestmark = pytest.mark.anyio
MS = 1_000_000
OTHER = Stream(BTC.venue, "ETHUSDT", StreamKind.TRADES)


class Held(SystemClock):
    """A clock that stands still until it is set."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now(self) -> int:
        """Nanoseconds, as set."""
        return self.ms * MS


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def opened(redis_url):
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as hot:
        yield hot


@pytest.fixture
async def log(opened):
    return opened.log


async def ids(log, stream: Stream = TRADES) -> list[int]:
    return [event.id for record in await log.read(stream, limit=1000) for event in record.events]


async def test_entries_that_are_written_again_change_nothing(log):
    entries = await log.stamp([batch(1, 2), batch(3), batch(4, stream=OTHER)])
    await log.write(entries)
    end = await log.last(TRADES)

    await log.write(entries)
    await log.write(entries[1:2])

    assert await ids(log) == [1, 2, 3]
    assert await log.last(TRADES) == end
    assert (log.writing.written, log.writing.repeated) == (3, 4)
    found = await log.overlapping(TRADES, 0, 10, limit=10)
    assert [record.position for record in found] == [entries[0].position, entries[1].position]


@pytest.mark.parametrize("lost", ["question", "answer"])
async def test_what_a_lost_connection_left_in_doubt_is_there_once(redis_url, log, lost):
    async with relay(redis_url) as (between, url):
        plan = RedisPlan(url, timeout_s=2)
        async with open_redis(plan, SystemClock(), above=0) as hot:
            await hot.log.last(TRADES)  # so that the connection stands
            entries = await hot.log.stamp([batch(time) for time in range(1, 6)])
            between.lose = lost
            with pytest.raises(StorageError, match="is away"):
                await hot.log.write(entries)
            assert await ids(log) == ([1, 2, 3, 4, 5] if lost == "answer" else [])

            await hot.log.write(entries)

    assert await ids(log) == [1, 2, 3, 4, 5]
    assert hot.log.writing.repeated == (5 if lost == "answer" else 0)


async def test_a_plain_append_goes_on_until_it_is_known_to_be_done(redis_url, log):
    async with (
        relay(redis_url) as (between, url),
        open_redis(RedisPlan(url), SystemClock(), above=0) as hot,
    ):
        for time, lost in enumerate(["answer", "question", "answer"], start=1):
            between.lose = lost
            await hot.log.append([batch(time)])

    assert await ids(log) == [1, 2, 3]


async def test_an_entry_that_was_trimmed_since_is_not_written_again(log):
    entries = await log.stamp([batch(time) for time in range(1, 5)])
    await log.write(entries)
    assert await log.trim(TRADES, upto=entries[-1].position, before=1 << 62) == 3

    await log.write(entries)

    assert await ids(log) == [4]
    assert len(await log.overlapping(TRADES, 0, 10, limit=10)) == 1


async def test_a_position_of_another_appender_is_refused_with_all_behind_it(redis_url, log):
    clock = Held(1_000)
    async with open_redis(RedisPlan(redis_url), clock, above=0) as behind:
        early = await behind.log.stamp([batch(1), batch(2), batch(3), batch(9, stream=OTHER)])
        await log.append([batch(50)])
        last = (await log.last(TRADES)).position

        with pytest.raises(TakenError) as taken:
            await behind.log.write(early)

        told = taken.value
        assert (told.stream, told.position, told.last) == (TRADES, early[0].position, last)
        assert await ids(log) == [50]
        assert await ids(log, OTHER) == [9]
        (again,) = await behind.log.stamp([batch(1)])
        assert again.position > last


async def test_another_entry_under_the_same_position_is_taken(log):
    one, other = await log.stamp([batch(1), batch(2)])
    await log.write([one])

    for different in (other, one._replace(received=77), one._replace(last=77)):
        with pytest.raises(TakenError):
            await log.write([different._replace(position=one.position)])

    assert await ids(log) == [1]


async def test_two_appenders_of_one_stream_lose_and_double_nothing(redis_url, log):
    async with (
        open_redis(RedisPlan(redis_url), Held(1_000), above=0) as behind,
        asyncio.TaskGroup() as group,
    ):
        for time in range(1, 41):
            writer = log if time % 2 else behind.log
            group.create_task(writer.append([batch(time)]))

    assert sorted(await ids(log)) == list(range(1, 41))
    positions = [record.position for record in await log.read(TRADES)]
    assert positions == sorted(set(positions))


async def test_a_clock_that_is_set_back_does_not_turn_positions_back(redis_url):
    clock = Held(5_000)
    async with open_redis(RedisPlan(redis_url), clock, above=0) as hot:
        first = await hot.log.append([batch(1)])
        clock.ms = 10
        second = await hot.log.append([batch(2)])
    async with open_redis(RedisPlan(redis_url), clock, above=0) as hot:
        third = await hot.log.append([batch(3)])

        assert first < second < third
        assert await ids(hot.log) == [1, 2, 3]


async def test_a_log_that_was_lost_begins_above_what_the_warm_tier_has_seen(
    redis_url, redis_server
):
    async with open_redis(RedisPlan(redis_url), Held(10), above=0) as hot:
        (before,) = await hot.log.append([batch(1)])
        redis_server.empty()
        (while_open,) = await hot.log.append([batch(2)])
        redis_server.empty()
    async with open_redis(RedisPlan(redis_url), Held(1), above=while_open) as hot:
        (after,) = await hot.log.append([batch(3)])

        assert before < while_open < after
        assert await hot.log.streams() == [TRADES]
        assert await ids(hot.log) == [3]


async def test_entries_in_any_number_keep_their_order(log):
    entries = await log.stamp([batch(time) for time in range(1, 601)])

    await log.write(entries)

    assert await ids(log) == list(range(1, 601))


async def test_too_few_replicas_are_told_and_the_same_entries_may_be_written_again(redis_url, log):
    plan = RedisPlan(redis_url, replicas=1, timeout_s=1.0)
    async with open_redis(plan, SystemClock(), above=0) as hot:
        entries = await hot.log.stamp([batch(1)])
        with pytest.raises(StorageError, match="0 of 1 replicas"):
            await hot.log.write(entries)

    await log.write(entries)

    assert await ids(log) == [1]


async def test_what_is_left_out_for_its_fence_is_counted_and_logged(opened, log):
    await log.fence(BTC.venue, "BTCUSDT", 5)
    with capture_logs() as lines:
        await log.append([Batch(TRADES, [trade(1)], 4), Batch(TRADES, [trade(2)], 5)])
        await log.append([Batch(OTHER, [trade(3)], 4)])

    [line] = [line for line in lines if line["event"] == "log.fenced"]
    assert (line["symbol"], line["stream"], line["entries"]) == ("BTCUSDT", "trades", 1)
    assert (await opened.condition.info())["fenced"] == 1


async def test_an_append_by_another_process_ends_the_waits_for_its_market(redis_url, log):
    async with (
        open_redis(RedisPlan(redis_url), SystemClock(), above=0) as other,
        asyncio.timeout(20),
        asyncio.TaskGroup() as group,
    ):
        waits = [group.create_task(log.wait(*stream[:2], 3600)) for stream in (TRADES, OTHER)]
        await asyncio.sleep(0)
        await other.log.append([batch(1)])
        await waits[0]
        assert not waits[1].done()
        # A process of an older version says that it has appended, and not what.
        with Redis.from_url(redis_url) as older:
            older.publish("md:appended", "older")


async def test_a_server_that_comes_back_is_written_to_again(redis_url, redis_server):
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as hot:
        await hot.log.append([batch(1)])
        entries = await hot.log.stamp([batch(2)])
        redis_server.kill()
        with pytest.raises(StorageError, match="is away"):
            await hot.log.write(entries)
        with pytest.raises(StorageError, match="is away"):
            await hot.log.read(TRADES)
        assert await hot.part.cache.get("any") is None
        redis_server.start()
        await hot.log.write(entries)

        assert await ids(hot.log) == [1, 2]
        assert (await hot.log.read(TRADES))[1].events == [trade(2)]


async def test_a_server_that_hangs_is_given_up_in_time(redis_url, redis_server):
    async with open_redis(RedisPlan(redis_url, timeout_s=1.0), SystemClock(), above=0) as hot:
        entries = await hot.log.stamp([batch(1)])
        # So that connections stand over which the entries go before nothing comes back.
        await asyncio.gather(*(hot.log.last(TRADES) for _ in range(4)))
        redis_server.pause()
        try:
            # Three seconds, where nothing else keeps this machine busy.
            async with asyncio.timeout(12):
                for _ in range(3):
                    with pytest.raises(StorageError, match="does not answer in time"):
                        await hot.log.write(entries)
        finally:
            redis_server.resume()
        await hot.log.write(entries)

        # The three attempts lay in its sockets all the time, and are done by now.
        assert await ids(hot.log) == [1]
