"""The index of times, against the lists of the memory log, over courses of every kind."""

from random import Random

import pytest
from contract_samples import TRADES, trade

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.storage.memory.log import MemoryLog
from cloud_marketdata.storage.ports import Batch
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.timed import TimedLog

pytestmark = pytest.mark.anyio
SECOND = 10**9
ENTRIES = 600


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def course(random: Random, entries: int) -> list[Batch]:
    """Live batches with some that were filled in: late, wide, or both."""
    batches = []
    for number in range(1, entries + 1):
        now = number * SECOND
        late = random.choice((0, 0, 0, random.randrange(now)))
        wide = random.choice((0, 1, 10**6, 10**8, 2**27, 2**27 + 1, 10**10, now))
        first = max(0, now - late - wide)
        times = [first, *(random.randint(first, now - late) for _ in range(random.randrange(3)))]
        batches.append(Batch(TRADES, [trade(time, number=number) for time in times]))
    return batches


async def pages(log: TimedLog, start: int, end: int, limit: int, *, newest: bool) -> list[int]:
    """Return a number an entry, in the order of the search, read in pages."""
    found: list[int] = []
    after = None
    while True:
        page = await log.overlapping(TRADES, start, end, limit=limit, newest=newest, after=after)
        found += [record.events[0].id for record in page]
        if len(page) < limit:
            return found
        after = page[-1].mark(newest=newest)


async def both_trimmed(logs: list[TimedLog], random: Random) -> None:
    """Trim both logs after the same entry and for the same time; as many go from each."""
    after = random.choice((10, 60, ENTRIES))
    before = random.choice((random.randrange(ENTRIES * SECOND), 1 << 62))
    gone = []
    for log in logs:
        records = await log.read(TRADES, limit=ENTRIES)
        gone.append(await log.trim(TRADES, upto=records[:after][-1].position, before=before))
    assert gone[0] == gone[1]


@pytest.mark.parametrize("seed", range(4))
async def test_searches_and_trims_are_those_of_the_memory_log(redis_url, seed):
    random = Random(seed)  # noqa: S311  # a course to repeat, no secret
    memory = MemoryLog(SystemClock())
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as hot:
        logs = [memory, hot.log]
        batches = course(random, ENTRIES)
        for log in logs:
            await log.append(batches)
        for turn in range(16):
            start, end = sorted(random.randrange(-SECOND, ENTRIES * SECOND) for _ in range(2))
            limit, newest = random.choice((5, 16, 200)), bool(turn % 2)
            expected = await pages(memory, start, end, limit, newest=newest)
            assert await pages(hot.log, start, end, limit, newest=newest) == expected
            if turn > 7:
                await both_trimmed(logs, random)


@pytest.mark.parametrize("newest", [False, True])
async def test_entries_of_one_class_that_end_in_another_order_than_they_begin(redis_url, newest):
    memory = MemoryLog(SystemClock())
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as hot:
        # All are between 2**33 and 2**34 ns wide; the oldest is so by far the latest to end.
        wide = [17 * SECOND, *(9 * SECOND for _ in range(60))]
        times = [(number * SECOND // 10, width) for number, width in enumerate(wide)]
        batches = [Batch(TRADES, [trade(at), trade(at + width)]) for at, width in times]
        for log in (memory, hot.log):
            await log.append(batches)

        expected = await pages(memory, 0, 99 * SECOND, 5, newest=newest)
        assert await pages(hot.log, 0, 99 * SECOND, 5, newest=newest) == expected


async def test_a_trim_takes_any_number_and_leaves_the_two_that_end_the_stream(redis_url):
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as hot:
        late = [Batch(TRADES, [trade(number)]) for number in range(1, 1200)]
        await hot.log.append([Batch(TRADES, [trade(5 * SECOND)]), *late])
        end = (await hot.log.last(TRADES)).position

        gone = await hot.log.trim(TRADES, upto=end, before=1 << 62)

        left = await hot.log.overlapping(TRADES, 0, 10 * SECOND, limit=10)
        assert gone == 1198
        assert [record.first for record in left] == [1199, 5 * SECOND]


async def test_bounds_beyond_any_time_are_understood(redis_url):
    async with open_redis(RedisPlan(redis_url), SystemClock(), above=0) as hot:
        await hot.log.append([Batch(TRADES, [trade(5)])])
        for newest in (False, True):
            found = await hot.log.overlapping(TRADES, -(1 << 70), 1 << 70, limit=5, newest=newest)
            assert [record.first for record in found] == [5]
