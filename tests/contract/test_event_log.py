"""Laws of EventLog."""

import asyncio
import re
from decimal import Decimal

import pytest
from contract_samples import BTC, TRADES, VENUE, batch, trade

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent, StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Batch, EventLog, Record, Stream, StreamKind

pytestmark = pytest.mark.anyio

BOOK = Stream(VENUE, "BTCUSDT", StreamKind.BOOK)
STATUS = Stream(VENUE, "BTCUSDT", StreamKind.STATUS)


async def test_what_was_appended_is_read_in_its_order(stores):
    batches = [batch(1, 2), batch(3), batch(5, 4)]
    positions = await stores.log.append(batches[:2])
    positions += await stores.log.append(batches[2:])

    records = await stores.log.read(TRADES)

    assert [record.position for record in records] == positions
    assert [list(record.events) for record in records] == [list(b.events) for b in batches]


async def test_positions_of_a_stream_grow_strictly(stores):
    positions = [(await stores.log.append([batch(time)]))[0] for time in range(1, 20)]

    assert positions == sorted(set(positions))
    assert positions[0] > 0


async def test_a_batch_without_events_is_refused_and_takes_the_others_with_it(stores):
    with pytest.raises(ValueError, match="without events"):
        await stores.log.append([batch(1), Batch(BOOK, [])])

    assert await stores.log.read(TRADES) == []
    assert await stores.log.streams() == []


async def test_every_kind_of_event_travels_unchanged(stores):
    fine = BTC.refined(Decimal("0.01"), Decimal("0.0001"))
    books = [
        BookSnapshot(BTC, 7, ((100, 1), (99, 2)), ((101, 3),), 10, 11),
        BookDelta(BTC, 8, 9, None, (), ((101, 0),), 12, 13),
        BookDelta(fine, 10, 11, 9, ((1000, 5),), (), 14, 15),
    ]
    facts = [StatusEvent(VENUE, "BTCUSDT", StatusKind.TRADE_GAP, 16, {"missing": 3, "why": "x"})]
    trades = [trade(1), trade(2, instrument=fine), trade(3)]
    batches = [Batch(BOOK, books), Batch(STATUS, facts), Batch(TRADES, trades)]
    await stores.log.append(batches)

    found = [(await stores.log.read(stream))[0] for stream, _, _ in batches]

    assert [list(record.events) for record in found] == [books, facts, trades]


async def test_a_reader_goes_on_after_the_position_it_knows(stores):
    positions = await stores.log.append([batch(time) for time in range(1, 8)])

    pages = [await stores.log.read(TRADES, after=at, limit=3) for at in (0, positions[2])]

    assert [[record.position for record in page] for page in pages] == [
        positions[:3],
        positions[3:6],
    ]
    assert await stores.log.read(TRADES, after=positions[-1]) == []


async def test_streams_do_not_see_each_other(stores):
    other = Stream(Venue.BYBIT_SPOT, "BTCUSDT", StreamKind.TRADES)
    await stores.log.append([batch(1), batch(2, stream=other)])

    assert [list(r.events) for r in await stores.log.read(other)] == [[trade(2)]]
    assert await stores.log.read(BOOK) == []
    assert await stores.log.streams() == sorted([TRADES, other])


async def test_last_is_the_newest_entry_or_none(stores):
    assert await stores.log.last(TRADES) is None

    await stores.log.append([batch(9), batch(3)])
    last = await stores.log.last(TRADES)

    assert isinstance(last, Record)
    assert list(last.events) == [trade(3)]


async def test_the_epoch_is_a_short_name_and_stays(stores):
    epoch = await stores.log.epoch()
    await stores.log.append([batch(1)])

    assert re.fullmatch(r"[0-9a-zA-Z-]{4,64}", epoch)
    assert await stores.log.epoch() == epoch


async def test_trim_takes_what_is_consumed_and_old_and_leaves_the_rest(stores):
    # Receipt is 5 ns after the match, so these were received at 6, 1005, 13, 14 and 15.
    positions = await stores.log.append([batch(1), batch(2, 1000), batch(8), batch(9), batch(10)])

    trimmed = await stores.log.trim(TRADES, upto=positions[2], before=100)

    left = [record.position for record in await stores.log.read(TRADES)]
    assert trimmed == 2
    assert left == [positions[1], positions[3], positions[4]]


async def test_trim_looks_at_the_receipt_and_not_before_its_bound(stores):
    positions = await stores.log.append([batch(1), batch(2), batch(3)])

    assert await stores.log.trim(TRADES, upto=positions[-1], before=7) == 1


async def test_trim_keeps_the_newest_entry_of_a_stream_and_positions_go_on(stores):
    await stores.log.append([batch(1), batch(2)])
    (newest,) = await stores.log.append([batch(3)])

    assert await stores.log.trim(TRADES, upto=newest, before=10**18) == 2
    assert (await stores.log.last(TRADES)).position == newest
    assert await stores.log.streams() == [TRADES]
    assert await stores.log.trim(BOOK, upto=newest, before=10**18) == 0
    assert (await stores.log.append([batch(4)]))[0] > newest


async def test_trim_keeps_the_entry_with_the_newest_match_time_too(stores):
    # The last entry may hold old trades that were filled in; the stream ends in another one.
    entries = [batch(1), batch(10), batch(7, 10), batch(3, 4), batch(5)]
    positions = await stores.log.append(entries)

    trimmed = await stores.log.trim(TRADES, upto=positions[-1], before=10**18)

    left = [record.position for record in await stores.log.read(TRADES)]
    assert (trimmed, left) == (3, [positions[2], positions[4]])


async def test_concurrent_appends_are_all_there_once(stores):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(stores.log.append([batch(time)])) for time in range(1, 60)]

    records = await stores.log.read(TRADES)

    assert sorted(task.result()[0] for task in tasks) == [record.position for record in records]
    assert {record.events[0].id for record in records} == set(range(1, 60))


async def test_a_wait_ends_with_an_append(stores):
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = [group.create_task(stores.log.wait(*TRADES[:2], 3600)) for _ in range(3)]
        await asyncio.sleep(0)
        await stores.log.append([batch(1)])

    assert all(task.done() for task in waiting)


async def test_an_append_between_read_and_wait_is_not_slept_through(stores):
    async with asyncio.timeout(5):
        assert await stores.log.read(TRADES) == []
        await stores.log.append([batch(1)])
        await stores.log.wait(*TRADES[:2], 3600)


async def test_an_append_to_another_market_does_not_end_a_wait(stores, clock):
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(stores.log.wait(*TRADES[:2], 3600))
        await asyncio.sleep(0)
        await stores.log.append([batch(1, stream=TRADES._replace(symbol="ETHUSDT"))])
        assert not waiting.done()
        clock.ring()


async def test_a_wait_after_everything_was_read_lasts_until_the_time_is_over(stores, clock):
    await stores.log.append([batch(1)])
    await stores.log.read(TRADES)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(_read_and_wait(stores.log))
        for _ in range(20):
            await stores.log.streams()
        assert not waiting.done()
        clock.ring()


async def _read_and_wait(log: EventLog) -> None:
    await log.read(TRADES)
    await log.wait(*TRADES[:2], 3600)
