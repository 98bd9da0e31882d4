"""A real Redis is killed under load: what was acknowledged is neither lost nor twice."""

import asyncio
from collections import Counter
from random import Random

import pytest
from contract_samples import BTC, TRADES, batch

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.journal import JournaledLog, journaled, open_journal
from cloud_marketdata.storage.ports import Record, Stream, StreamKind
from cloud_marketdata.storage.redis import RedisPlan, open_redis

pytestmark = pytest.mark.anyio

FACTS = Stream(BTC.venue, BTC.symbol, StreamKind.STATUS)
RANDOM = Random(1)  # noqa: S311  delays are no secret
MOST = 1 << 24


async def logged(log: JournaledLog, stream: Stream) -> list[int]:
    """Return the trades of a stream in the order of the log."""
    after, found = 0, list[int]()
    while records := await log.read(stream, after=after, limit=500):
        found += [event.id for record in records for event in record.events]
        after = records[-1].position
    return found


async def drained(log: JournaledLog) -> None:
    async with asyncio.timeout(30):
        while log.journal.entries:  # noqa: ASYNC110  the thread on the disk sets no event
            await asyncio.sleep(0.01)


async def test_a_redis_that_is_killed_under_load_costs_and_doubles_nothing(
    redis_server, redis_url, tmp_path
):
    clock, taken = SystemClock(), 0

    async def load(log: JournaledLog, stopped: asyncio.Event) -> None:
        nonlocal taken
        while not stopped.is_set():
            await log.append([batch(taken), batch(taken, stream=FACTS)])
            taken += 1

    async with (
        open_journal(tmp_path / "journal", MOST) as disk,
        open_redis(RedisPlan(redis_url, timeout_s=1.0), clock, above=disk.journal.highest) as hot,
        journaled(hot.log, disk, clock, RANDOM, patience_s=2.0) as log,
    ):
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(load(log, stopped))
            for _ in range(3):
                await asyncio.sleep(0.2)
                await asyncio.to_thread(redis_server.kill)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(redis_server.start)
            stopped.set()
        await drained(log)
        moved = log.drain.moved
        for stream in (TRADES, FACTS):
            assert await logged(log, stream) == list(range(taken))
    assert taken > 100
    assert moved > 10, "some of it came by the journal"


async def test_what_a_former_process_journalled_is_logged_before_the_tapes_end_is_told(
    redis_server, redis_url, tmp_path
):
    clock = SystemClock()
    plan = RedisPlan(redis_url, timeout_s=1.0)
    async with (
        open_journal(tmp_path / "journal", MOST) as disk,
        open_redis(plan, clock, above=0) as hot,
        journaled(hot.log, disk, clock, RANDOM, patience_s=2.0) as log,
    ):
        await log.append([batch(1)])
        await asyncio.to_thread(redis_server.kill)
        for number in range(2, 50):
            await log.append([batch(number)])
    await asyncio.to_thread(redis_server.start)
    async with (
        open_journal(tmp_path / "journal", MOST) as disk,
        open_redis(plan, clock, above=disk.journal.highest) as hot,
        journaled(hot.log, disk, clock, RANDOM, patience_s=2.0) as log,
    ):
        await log.append([batch(50)])
        ends: list[Record | None] = []
        async with asyncio.timeout(30):
            while not ends:
                try:
                    ends.append(await log.last(TRADES))
                except StorageError:
                    await asyncio.sleep(0.005)
        assert ends[0].events[0].id == 50
        assert Counter(await logged(log, TRADES)) == Counter(range(1, 51))
