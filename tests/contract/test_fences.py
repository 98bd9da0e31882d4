"""Who has lost a market appends nothing more to it, whenever what it sent arrives."""

import asyncio
import struct
from random import Random
from zlib import crc32

import msgspec
import pytest
from contract_samples import VENUE, trade

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.storage.journal import journaled, open_journal
from cloud_marketdata.storage.journal.frames import MAGIC, content
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind
from cloud_marketdata.storage.redis import RedisPlan, open_redis

pytestmark = pytest.mark.anyio
TRADES = Stream(VENUE, "BTCUSDT", StreamKind.TRADES)
STATUS = Stream(VENUE, "BTCUSDT", StreamKind.STATUS)
OTHER = Stream(VENUE, "ETHUSDT", StreamKind.TRADES)


@pytest.fixture
def fenced(stores, request):
    """Stores that several processes may append to; a folder has a lock instead."""
    if "embedded" in request.node.callspec.id:
        pytest.skip("one process appends to a folder, which a lock of the kernel's sees to")
    return stores


async def ids(stores, stream: Stream) -> list[int]:
    records = await stores.log.read(stream)
    return [event.id for record in records for event in record.events]


async def test_a_lower_fence_is_left_out_and_takes_nothing_else_with_it(fenced):
    log = fenced.log
    assert await log.fence(VENUE, "BTCUSDT", 5) == 0
    await log.append([Batch(TRADES, [trade(1)], 4), Batch(OTHER, [trade(2)], 4)])
    await log.append([Batch(TRADES, [trade(3)], 5), Batch(TRADES, [trade(4)], 6)])

    assert await ids(fenced, TRADES) == [3, 4]
    assert await ids(fenced, OTHER) == [2]


async def test_a_fence_holds_for_every_stream_of_its_market(fenced):
    fact = StatusEvent(VENUE, "BTCUSDT", StatusKind.ALIVE, 7, {"trades": 1})
    await fenced.log.append([Batch(STATUS, [fact], 3)])
    await fenced.log.fence(VENUE, "BTCUSDT", 4)
    await fenced.log.append([Batch(STATUS, [fact], 3)])

    assert len(await fenced.log.read(STATUS)) == 1


async def test_a_fence_only_rises_and_tells_what_it_was(fenced):
    log = fenced.log
    assert [await log.fence(VENUE, "BTCUSDT", n) for n in (3, 0, 2, 9, 0)] == [0, 3, 3, 3, 9]


async def test_what_is_appended_under_a_higher_token_raises_the_fence(fenced):
    await fenced.log.append([Batch(TRADES, [trade(1)], 9)])
    await fenced.log.append([Batch(TRADES, [trade(2)], 8)])

    assert await fenced.log.fence(VENUE, "BTCUSDT", 0) == 9
    assert await ids(fenced, TRADES) == [1]


async def test_what_was_collected_under_no_lease_is_appended_all_the_same(fenced):
    await fenced.log.fence(VENUE, "BTCUSDT", 9)
    await fenced.log.append([Batch(TRADES, [trade(1)])])

    assert await ids(fenced, TRADES) == [1]


async def test_what_a_journal_kept_too_long_is_left_out_and_nothing_else(
    redis_server, redis_url, tmp_path
):
    clock = SystemClock()
    plan = RedisPlan(redis_url, timeout_s=0.5)
    async with (
        open_journal(tmp_path / "journal", 1 << 20) as disk,
        open_redis(plan, clock, above=0) as hot,
        open_redis(plan, clock, above=0) as others,
        journaled(hot.log, disk, clock, Random(1), patience_s=1.0) as log,  # noqa: S311  no secret
    ):
        await log.append([Batch(TRADES, [trade(1)], 4)])
        redis_server.kill()
        await log.append([Batch(TRADES, [trade(2)], 4), Batch(OTHER, [trade(2)], 4)])
        assert log.journal.entries == 2
        redis_server.start()
        # Whoever has the market by now was faster than the journal.
        assert await others.log.fence(VENUE, "BTCUSDT", 5) in {0, 4}
        early = [event.id for one in await others.log.read(TRADES) for event in one.events]
        await others.log.append([Batch(TRADES, [trade(3)], 5)])
        async with asyncio.timeout(30):
            while log.journal.entries:  # noqa: ASYNC110  the thread on the disk sets no event
                await asyncio.sleep(0.01)
        logged = [event.id for one in await log.read(TRADES) for event in one.events]
        assert logged == [*early, 3], "nothing came behind the fence"
        assert [event.id for one in await log.read(OTHER) for event in one.events] == [2]


def test_a_journal_from_before_there_were_fences_is_read(tmp_path):
    old = [(tuple(TRADES), 7, 1, 2, 3, b"block")]
    body = msgspec.msgpack.encode(old)
    head = struct.pack("<II", len(body), crc32(body))
    data = MAGIC + head + struct.pack("<I", crc32(head)) + body
    [entry] = content(tmp_path, data).entries
    assert (entry.stream, entry.position, entry.block, entry.fence) == (TRADES, 7, b"block", 0)
