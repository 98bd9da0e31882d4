"""Savers in MongoDB that race, stand still in the middle, or never hear that they have saved."""

import asyncio
from contextlib import suppress

import pytest
from contract_samples import BTC, aggregate
from mongo_relay import Relay
from mongo_story import Story, told
from mongo_watching import watched
from pymongo.asynchronous.client_session import AsyncClientSession

from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.mongo import MongoWarm
from cloud_marketdata.storage.mongo.names import Document, of_market
from cloud_marketdata.storage.mongo.saving import Save
from cloud_marketdata.storage.mongo.transactions import Transactions

pytestmark = pytest.mark.anyio
SOON_S = 20
"""Much, for a loaded machine, and far less than the minute for which MongoDB keeps transactions."""
EARLIER, LATER = 1_755_000_000_000_000, 1_755_000_000_000_001
MARKET = (BTC.venue, BTC.symbol)


async def document(warm: MongoWarm) -> Document:
    """Return the document of the market."""
    found = await warm.stored.markets.find_one(of_market(*MARKET))
    assert found
    return found


async def test_of_two_savers_the_one_with_the_lower_token_is_out_at_once(
    mongodb_url, mongodb_database
):
    earlier_saves, later_has_saved = asyncio.Event(), asyncio.Event()
    stale: list[int] = []

    async def earlier(warm: MongoWarm) -> None:
        for position in range(1, 1000):
            too_late = later_has_saved.is_set()
            if await _saved(warm, position):
                stale.extend([position] if too_late else [])
            if position == 5:
                earlier_saves.set()

    async def later(warm: MongoWarm) -> None:
        await earlier_saves.wait()
        for position in range(1001, 1021):
            await warm.part.aggregates.save([aggregate(0, position=position)], fence=LATER)
            later_has_saved.set()

    async with (
        watched(mongodb_url, mongodb_database) as one,
        watched(mongodb_url, mongodb_database) as two,
    ):
        outcome = await asyncio.gather(earlier(one), later(two), return_exceptions=True)
        assert [type(end) for end in outcome] == [FencedError, type(None)]
        assert stale == []
        (kept,) = await two.part.aggregates.find_by_range(*MARKET, Timeframe.S1, 0, 1)
        assert (kept.position, await two.part.aggregates.position(*MARKET)) == (1020, 1020)


async def _saved(warm: MongoWarm, position: int) -> bool:
    """Save as the earlier one; a save that is ended in the middle may be made or not."""
    try:
        await warm.part.aggregates.save([aggregate(0, position=position)], fence=EARLIER)
    except FencedError:
        raise
    except StorageError:
        return False
    return True


async def test_savers_with_one_token_take_turns_and_lose_nothing(mongodb_url, mongodb_database):
    async def saves(warm: MongoWarm, second: int) -> None:
        for position in range(1, 21):
            await warm.part.aggregates.save([aggregate(second, position=position)], fence=LATER)

    async with (
        watched(mongodb_url, mongodb_database) as one,
        watched(mongodb_url, mongodb_database) as two,
    ):
        await asyncio.gather(saves(one, 0), saves(one, 10**9), saves(two, 0), saves(two, 2 * 10**9))
        found = await two.part.aggregates.find_by_range(*MARKET, Timeframe.S1, 0, 1 << 62)
        assert [(kept.start, kept.position) for kept in found] == [
            (0, 20),
            (10**9, 20),
            (2 * 10**9, 20),
        ]
        assert (await document(two))["saves"] == 80


async def test_a_saver_that_stands_still_in_the_middle_holds_nobody_up(
    mongodb_url, mongodb_database
):
    """Left alone its transaction would keep the market's document for a minute."""
    standing, goes_on = asyncio.Event(), asyncio.Event()
    async with (
        watched(mongodb_url, mongodb_database) as one,
        watched(mongodb_url, mongodb_database, timeout_s=SOON_S) as two,
    ):
        save = Save(one.stored, [aggregate(0, position=1)], None, EARLIER)

        async def paused(session: AsyncClientSession) -> None:
            await save(session)
            standing.set()
            await goes_on.wait()

        client = one.stored.markets.database.client
        waking = Transactions(client, one.stored.markets, 60)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_refused(waking.run(save.markets, EARLIER, paused)))
            await standing.wait()
            async with asyncio.timeout(SOON_S):
                await two.part.aggregates.save([aggregate(0, position=2)], fence=LATER)
            goes_on.set()
        await waking.close()
        assert first.result()
        assert await two.part.aggregates.position(*MARKET) == 2


async def _refused(saving) -> bool:
    with pytest.raises(FencedError):
        await saving
    return True


async def _made_soon(warm: MongoWarm, save) -> None:
    """Make a save, as a worker does: again, where this machine was too slow for our patience."""
    async with asyncio.timeout(SOON_S):
        while True:
            with suppress(StorageError):
                await warm.part.aggregates.save(*save, fence=LATER)
                return


@pytest.mark.parametrize("lost", ["question", "answer"])
async def test_a_commit_that_loses_its_connection_is_made_once(
    mongodb_server, mongodb_url, mongodb_database, lost
):
    del mongodb_url
    with Relay(mongodb_server.nodes[0].port) as relay:
        url = f"mongodb://127.0.0.1:{relay.port}/?directConnection=true"
        async with watched(url, mongodb_database) as warm:
            story = Story()
            await warm.part.aggregates.save(*story.next(), fence=LATER)
            relay.lost, relay.losses = lost, 1
            await warm.part.aggregates.save(*story.next(), fence=LATER)

            assert relay.losses == 0
            assert await told(warm.part) == 2
            assert (await document(warm))["saves"] == 2


@pytest.mark.parametrize("lost", ["question", "answer"])
async def test_a_save_that_nobody_heard_of_may_be_made_again(
    mongodb_server, mongodb_url, mongodb_database, lost
):
    del mongodb_url
    with Relay(mongodb_server.nodes[0].port) as relay:
        url = f"mongodb://127.0.0.1:{relay.port}/?directConnection=true"
        async with watched(url, mongodb_database, timeout_s=1.5) as warm:
            story = Story()
            unheard = story.next()
            relay.lost, relay.losses = lost, 1 << 30
            with pytest.raises(StorageError, match="MongoDB: "):
                await warm.part.aggregates.save(*unheard, fence=LATER)
            relay.losses = 0
            await _made_soon(warm, unheard)
            await _made_soon(warm, story.next())

            assert await told(warm.part) == 2


async def test_a_transaction_that_we_lost_sight_of_does_not_stand_in_our_own_way(
    mongodb_server, mongodb_url, mongodb_database
):
    """Neither its last write nor its end has reached the server, which keeps it for a minute."""
    del mongodb_url
    with Relay(mongodb_server.nodes[0].port) as relay:
        url = f"mongodb://127.0.0.1:{relay.port}/?directConnection=true"
        async with watched(url, mongodb_database, timeout_s=1.5) as warm:
            story = Story()
            await _made_soon(warm, story.next())
            lost = story.next()
            relay.at, relay.lost = (b"coverage", b"abortTransaction"), "question"
            relay.losses = 1 << 30
            with pytest.raises(StorageError, match="MongoDB: "):
                await warm.part.aggregates.save(*lost, fence=LATER)
            relay.losses = 0
            await _made_soon(warm, lost)

            assert await told(warm.part) == 2


async def test_a_cancelled_save_leaves_all_or_nothing_and_the_next_one_works(
    mongodb_url, mongodb_database
):
    async with watched(mongodb_url, mongodb_database) as warm:
        for number in range(12):
            story = Story(await warm.part.aggregates.position(*MARKET))
            saving = asyncio.ensure_future(warm.part.aggregates.save(*story.next(), fence=LATER))
            await asyncio.wait({saving}, timeout=number / 1000)
            saving.cancel()
            await asyncio.wait({saving})
            await told(warm.part)
        story = Story(await warm.part.aggregates.position(*MARKET))
        await warm.part.aggregates.save(*story.next(), fence=LATER)
        assert await told(warm.part) == story.number


async def test_a_ledger_is_read_as_one_save_left_it(mongodb_url, mongodb_database):
    """Its marks and its rows lie in two collections, and saves go on while they are read."""
    seen: set[int] = set()

    async def reads(warm: MongoWarm, saving: asyncio.Task[None]) -> None:
        while not saving.done():
            kept = await warm.part.coverage.find(*MARKET, 0, 1 << 62)
            seen.add(kept.marks.trades)
            assert set(kept.rows) == set(Story(kept.marks.trades).rows.values())

    async with watched(mongodb_url, mongodb_database) as warm, asyncio.TaskGroup() as tasks:
        saving = tasks.create_task(_saves(warm, 60))
        await asyncio.gather(*(reads(warm, saving) for _ in range(3)))
    assert len(seen) > 5


async def _saves(warm: MongoWarm, count: int) -> None:
    story = Story()
    for _ in range(count):
        await warm.part.aggregates.save(*story.next(), fence=LATER)
