"""A feed starts from instruments and stored tapes, and its symbols come and go while it runs."""

import asyncio
from random import Random

import pytest
from feeds import VENUE, FeedWorld, topics, trade
from lines import Instant
from sessions import spot_depth
from virtual import turns

from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.core.supervisor import supervised
from cloud_marketdata.storage.ports import BookState, Stores

pytestmark = pytest.mark.anyio
BTC = ["btcusdt@aggTrade", "btcusdt@depth@100ms"]
ETH = ["ethusdt@aggTrade", "ethusdt@depth@100ms"]


class Failing:
    """Trades whose next look fails as often as there are failures."""

    def __init__(self, inner, *failures: Exception) -> None:
        self._inner = inner
        self.failures = list(failures)

    async def find_by_range(self, *asked: object, **how: object):
        """Fail, or look."""
        if self.failures:
            raise self.failures.pop()
        return await self._inner.find_by_range(*asked, **how)


class Slow:
    """A log that appends only when it may."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self.may = asyncio.Event()
        self.may.set()

    def __getattr__(self, name: str) -> object:
        """Do everything else as the log inside."""
        return getattr(self._inner, name)

    async def append(self, batches):
        """Wait for the test."""
        await self.may.wait()
        return await self._inner.append(batches)


def changed(made: Stores, **parts: object) -> Stores:
    """Return the stores with other parts."""
    return Stores(**{name: getattr(made, name) for name in made.__struct_fields__} | parts)


def with_slow_log(*symbols: str) -> tuple[FeedWorld, Slow]:
    """Return a world, and the log that the test holds up."""
    logs: list[Slow] = []

    def stores(made: Stores) -> Stores:
        logs.append(Slow(made.log))
        return changed(made, log=logs[0])

    return FeedWorld(*symbols, stores=stores), logs[0]


@pytest.mark.parametrize("failure", [StorageError("away"), RuntimeError("a bug")])
async def test_a_feed_that_failed_at_its_start_comes_back(failure):
    failing = Failing(None, failure)

    def stores(made: Stores) -> Stores:
        failing._inner = made.trades
        return changed(made, trades=failing)

    world = FeedWorld("BTCUSDT", stores=stores)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            supervised("feed", world.feed.run, Instant(), Random(1))  # noqa: S311  a seed must repeat
        )
        await world.clock.move(2)
        assert failing.failures == []
        assert [session.connected for session in world.feed.sessions] == [True]
        running.cancel()


async def test_a_symbol_the_venue_does_not_list_is_told_and_the_others_are_collected():
    world = FeedWorld("BTCUSDT", "NOSUCH")
    async with world.running():
        assert world.feed.unknown == ["NOSUCH"]
        assert topics(world.wire) == BTC
        assert not (await world.feed.pulse()).ok


async def test_a_symbol_is_added_on_the_connection_that_is_there():
    world = FeedWorld("BTCUSDT")
    async with world.running():
        world.wire.hear(trade("BTCUSDT", 7))
        await world.feed.change(["BTCUSDT", "ETHUSDT"])
        await world.clock.move(1)
        world.wire.hear(trade("BTCUSDT", 8), trade("ETHUSDT", 1))
        assert len(world.network.wires) == 1
        assert topics(world.wire) == [*BTC, *ETH]
        assert await world.trades("BTCUSDT") == [7, 8]
        assert await world.trades("ETHUSDT") == [1]
        assert [session.reconnects for session in world.feed.sessions] == [0]
        assert sum(world.rejections.total.values()) == 0


async def test_a_symbol_is_removed_and_the_others_go_on():
    world = FeedWorld("BTCUSDT", "ETHUSDT")
    async with world.running():
        world.wire.hear(trade("BTCUSDT", 7), trade("ETHUSDT", 1), spot_depth(11, 12))
        await world.clock.move(1)
        assert (await world.stores.books.find(VENUE, "BTCUSDT")).state is BookState.SYNCED
        await world.feed.change(["ETHUSDT"])
        await world.clock.move(1)
        world.wire.hear(trade("BTCUSDT", 8), trade("ETHUSDT", 2))
        assert len(world.network.open) == 1
        assert topics(world.wire, "UNSUBSCRIBE") == BTC
        assert await world.trades("BTCUSDT") == [7]
        assert await world.trades("ETHUSDT") == [1, 2]
        assert world.rejections.total == {(VENUE, "unknown_symbol"): 1}
        view = await world.stores.books.find(VENUE, "BTCUSDT")
        assert (view.state, view.reason) == (BookState.STALE, "no longer collected")
        assert list(world.feed._works.tapes) == list(world.feed._works.desks) == ["ETHUSDT"]


async def test_a_symbol_that_comes_back_goes_on_where_its_log_stops():
    world = FeedWorld("BTCUSDT", "ETHUSDT")
    async with world.running():
        world.wire.hear(trade("ETHUSDT", 1), trade("ETHUSDT", 2))
        await world.feed.change(["BTCUSDT"])
        await world.clock.move(1)
        await world.feed.change(["BTCUSDT", "ETHUSDT"])
        await world.clock.move(1)
        world.wire.hear(trade("ETHUSDT", 2), trade("ETHUSDT", 5))
        assert await world.trades("ETHUSDT") == [1, 2, 5]
        await world.clock.move(1)
        assert any("aggTrades?symbol=ETHUSDT&fromId=3" in path for path in world.rest.asked)


async def test_a_symbol_that_comes_back_waits_for_what_is_still_on_its_way_to_the_log():
    world, slow = with_slow_log("ETHUSDT")
    async with world.running():
        await world.clock.move(1)
        slow.may.clear()
        world.wire.hear(trade("ETHUSDT", 1), trade("ETHUSDT", 2))
        await world.feed.change([])
        async with asyncio.TaskGroup() as group:
            back = group.create_task(world.feed.change(["ETHUSDT"]))
            await world.clock.move(5)
            assert not back.done()
            slow.may.set()
            await world.clock.move(1)
            assert back.done()
        await world.clock.move(1)
        world.wire.hear(trade("ETHUSDT", 2), trade("ETHUSDT", 3))
        assert await world.trades("ETHUSDT") == [1, 2, 3]


async def test_a_feed_that_is_run_again_waits_for_what_is_still_on_its_way_to_the_log():
    world, slow = with_slow_log("ETHUSDT")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run()) for run in (world.writer.run, world.feed.run)]
        await world.clock.move(1)
        slow.may.clear()
        world.wire.hear(trade("ETHUSDT", 1), trade("ETHUSDT", 2))
        tasks.pop().cancel()
        await turns()
        tasks.append(group.create_task(world.feed.run()))
        await world.clock.move(5)
        assert len(world.network.wires) == 1
        slow.may.set()
        await world.clock.move(1)
        assert len(world.network.wires) == 2
        world.wire.hear(trade("ETHUSDT", 2), trade("ETHUSDT", 3))
        assert await world.trades("ETHUSDT") == [1, 2, 3]
        for task in tasks:
            task.cancel()


async def test_the_last_symbol_takes_the_connection_along_and_the_feed_is_idle():
    world = FeedWorld("BTCUSDT")
    async with world.running():
        await world.feed.change([])
        await world.clock.move(1)
        assert world.network.open == []
        pulse = await world.feed.pulse()
        assert (pulse.state, pulse.ok) == ("idle", True)
        await world.clock.move(3600)
        assert world.network.attempts == 1


async def test_an_idle_feed_asks_nothing_and_begins_with_its_first_symbol():
    world = FeedWorld()
    async with world.running():
        await world.clock.move(3600)
        assert (world.rest.asked, world.network.attempts) == ([], 0)
        await world.feed.change(["ETHUSDT"])
        await world.clock.move(1)
        world.wire.hear(trade("ETHUSDT", 1))
        assert await world.trades("ETHUSDT") == [1]
        assert (await world.feed.pulse()).state == "connected"


async def test_a_change_that_cannot_be_looked_up_changes_nothing():
    world = FeedWorld("BTCUSDT")
    async with world.running():
        world.rest.away = True
        with pytest.raises(VenueError):
            await world.feed.change(["ETHUSDT"])
        assert (world.feed.symbols, world.feed.collected) == (("BTCUSDT",), ("BTCUSDT",))
        assert topics(world.wire, "UNSUBSCRIBE") == []


async def test_a_change_whose_tape_cannot_be_read_changes_nothing():
    failing = Failing(None)

    def stores(made: Stores) -> Stores:
        failing._inner = made.trades
        return changed(made, trades=failing)

    world = FeedWorld("BTCUSDT", stores=stores)
    async with world.running():
        failing.failures.append(StorageError("away"))
        with pytest.raises(StorageError):
            await world.feed.change(["ETHUSDT"])
        assert (world.feed.symbols, world.feed.collected) == (("BTCUSDT",), ("BTCUSDT",))
        await world.feed.change(["ETHUSDT"])
        assert world.feed.collected == ("ETHUSDT",)


async def test_before_the_venue_has_answered_a_change_is_what_will_be_begun_with():
    world = FeedWorld("BTCUSDT")
    world.rest.away = True
    async with world.running():
        await world.feed.change(["ETHUSDT"])
        world.rest.away = False
        await world.clock.move(2)
        assert topics(world.wire) == ETH
        await turns()
        assert world.feed.collected == ("ETHUSDT",)
