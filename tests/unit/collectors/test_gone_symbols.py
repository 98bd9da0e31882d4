"""What is under way for a symbol that goes must not bring it back."""

import asyncio

import pytest
from feeds import VENUE, FeedWorld, trade
from frames import orderbook, wrapped
from sessions import World
from virtual import turns

from cloud_marketdata.collectors.connection.snapshots import Snapshots
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stream, StreamKind

pytestmark = pytest.mark.anyio
DEPTH = {"e": "depthUpdate", "E": 1_723_161_300_000, "s": "ETHUSDT", "U": 11, "u": 12}
DELTA = wrapped("ethusdt@depth@100ms", DEPTH | {"b": [["10.00", "1"]], "a": []})


async def test_a_snapshot_that_comes_after_its_symbol_has_gone_brings_nothing_back():
    world = FeedWorld("BTCUSDT", "ETHUSDT")
    async with world.running():
        gate, get = asyncio.Event(), world.rest.get

        async def slow(ask) -> bytes:
            if "/depth" in ask.path:
                await gate.wait()
            return await get(ask)

        world.rest.get = slow
        world.wire.hear(trade("ETHUSDT", 1), DELTA)
        await world.clock.move(0.2)
        await world.feed.change(["BTCUSDT"])
        gate.set()
        await world.clock.move(11)
        log = world.stores.log
        records = await log.read(Stream(VENUE, "ETHUSDT", StreamKind.STATUS), after=0, limit=99)
        facts = [event.kind for record in records for event in record.events]
        assert StatusKind.TRADES_LOST in facts
        assert facts[-1] is not StatusKind.ALIVE
        assert sum(world.rejections.total.values()) == 0
        await world.feed.change(["BTCUSDT", "ETHUSDT"])
        await world.clock.move(1)
        world.wire.hear(trade("ETHUSDT", 1), trade("ETHUSDT", 2))
        assert await world.trades("ETHUSDT") == [1, 2]


async def test_a_book_that_went_before_its_turn_is_not_subscribed_again():
    world = World(Venue.BYBIT_LINEAR)
    async with world.running():
        link = world.session.link
        sent = len(world.network.wires[0].sent)
        snapshots = Snapshots(link.intake, link._speech, world.gear, lambda: None)
        async with asyncio.timeout(1):
            await snapshots.bring("BTCUSDT")
        await turns()
        assert len(world.network.wires[0].sent) == sent


async def test_a_suspicion_of_a_topic_that_went_asks_for_nothing():
    world = World(Venue.BYBIT_LINEAR)
    async with world.running():
        link, wire = world.session.link, world.network.wires[0]
        wire.hear(orderbook("snapshot", 5))
        await world.clock.move(0.05)
        sent = len(wire.sent)
        world.clock.seconds += 3600
        async with asyncio.timeout(1), asyncio.TaskGroup() as group:
            link.guard.look(group)
            link.guard.forget(link.plan.topics)
            await turns()
            assert link.guard.suspicions > 0
            assert (len(wire.sent), world.rest.asked) == (sent, [])
