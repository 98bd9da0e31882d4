"""A roster in virtual time: settings, rank and admin calls add up, and the feed gets the sum."""

import asyncio

import pytest
from feeds import VENUE, FeedWorld, info, trade, traded
from virtual import turns

from cloud_marketdata.core.config import Discover, Settings
from cloud_marketdata.core.errors import UnknownMarketError, VenueError

pytestmark = pytest.mark.anyio
ONE = {VENUE: Discover(quote="USDT", top=1, every_minutes=1)}


def ranked(world: FeedWorld, **volumes: str) -> None:
    world.rest.bodies["/exchangeInfo"] = info("BTCUSDT", "ETHUSDT", "SOLUSDT")
    world.rest.bodies.update({f"exchangeInfo?symbol={s}": info(s) for s in volumes})
    world.rest.bodies["/ticker/24hr"] = traded(**volumes)


def held(world: FeedWorld) -> asyncio.Event:
    """Have the venue answer only once the returned event is set."""
    gate, get = asyncio.Event(), world.rest.get

    async def slow(ask) -> bytes:
        await gate.wait()
        return await get(ask)

    world.rest.get = slow
    return gate


def told(*symbols: str, **more: object) -> Settings:
    return Settings(symbols={VENUE: symbols}, **more)


async def test_what_is_ranked_is_collected_beside_what_is_named():
    world = FeedWorld("BTCUSDT", discover=ONE)
    ranked(world, ETHUSDT="5", BTCUSDT="4")
    async with world.running():
        await world.clock.move(1)
        assert world.roster.collected == ("BTCUSDT", "ETHUSDT")
        assert (world.roster.configured, world.roster.discovered) == (("BTCUSDT",), ("ETHUSDT",))
        pulse = await world.roster.pulse()
        assert pulse.detail["discovery"]["symbols"] == ["ETHUSDT"]
        ranked(world, SOLUSDT="5")
        await world.clock.move(60)
        assert world.roster.collected == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
        await world.clock.move(60)
        assert world.roster.collected == ("BTCUSDT", "SOLUSDT")


async def test_an_added_symbol_is_collected_until_it_is_removed():
    world = FeedWorld("BTCUSDT")
    async with world.running():
        await world.roster.add("ETHUSDT")
        await world.clock.move(1)
        world.wire.hear(trade("ETHUSDT", 1))
        assert await world.trades("ETHUSDT") == [1]
        assert world.roster.added == ("ETHUSDT",)
        await world.roster.remove("ETHUSDT")
        assert (world.roster.collected, world.roster.added) == (("BTCUSDT",), ())
        with pytest.raises(UnknownMarketError):
            await world.roster.remove("ETHUSDT")


async def test_a_removed_symbol_stays_away_although_it_is_named_or_ranked():
    world = FeedWorld("BTCUSDT", discover=ONE)
    ranked(world, ETHUSDT="5")
    async with world.running():
        await world.clock.move(1)
        await world.roster.remove("BTCUSDT")
        await world.roster.remove("ETHUSDT")
        await world.clock.move(120)
        assert (world.roster.collected, world.roster.removed) == ((), {"BTCUSDT", "ETHUSDT"})
        await world.roster.add("BTCUSDT")
        assert (world.roster.collected, world.roster.removed) == (("BTCUSDT",), {"ETHUSDT"})


async def test_an_added_symbol_stays_when_it_falls_out_of_the_rank():
    world = FeedWorld(discover=ONE)
    ranked(world, ETHUSDT="5")
    async with world.running():
        await world.clock.move(1)
        await world.roster.add("ETHUSDT")
        ranked(world, SOLUSDT="5")
        await world.clock.move(180)
        assert set(world.roster.collected) == {"ETHUSDT", "SOLUSDT"}


@pytest.mark.parametrize("symbol", ["NOSUCH", "btcusdt", "BTCUSDT&limit=1", "", "B" * 33])
async def test_a_symbol_the_venue_does_not_list_is_refused_and_leaves_no_trace(symbol):
    world = FeedWorld("BTCUSDT")
    async with world.running():
        with pytest.raises(UnknownMarketError):
            await world.roster.add(symbol)
        assert (world.roster.collected, world.roster.added) == (("BTCUSDT",), ())
        assert world.roster.unknown == []
        assert (await world.roster.pulse()).detail["symbols"] == ["BTCUSDT"]
        assert not any("limit=1" in path for path in world.rest.asked)


async def test_nothing_changes_while_the_venue_cannot_be_asked():
    world = FeedWorld("BTCUSDT")
    world.rest.away = True
    async with world.running():
        with pytest.raises(VenueError, match="away"):
            await world.roster.add("ETHUSDT")
        world.rest.away = False
        await world.clock.move(2)
        world.rest.away = True
        with pytest.raises(VenueError, match="away"):
            await world.roster.add("ETHUSDT")
        assert (world.roster.collected, world.roster.added) == (("BTCUSDT",), ())
        # What is collected already needs no question.
        await world.roster.add("BTCUSDT")
        await world.roster.remove("BTCUSDT")
        assert world.roster.collected == ()


async def test_settings_read_again_take_effect_at_once_and_forget_admin_calls():
    world = FeedWorld("BTCUSDT")
    async with world.running():
        await world.roster.add("ETHUSDT")
        await world.roster.remove("BTCUSDT")
        world.roster.configure(told("BTCUSDT", "SOLUSDT"))
        await turns()
        assert world.roster.collected == ("BTCUSDT", "SOLUSDT")
        assert (world.roster.added, world.roster.removed) == ((), frozenset())


async def test_settings_read_again_are_tried_until_the_venue_answers():
    world = FeedWorld("BTCUSDT")
    async with world.running():
        world.rest.away = True
        world.roster.configure(told("ETHUSDT"))
        await world.clock.move(1)
        assert world.roster.collected == ("BTCUSDT",)
        pulse = await world.roster.pulse()
        assert (pulse.ok, pulse.detail["not_taken"]) == (False, "away")
        world.rest.away = False
        await world.clock.move(60)
        assert world.roster.collected == ("ETHUSDT",)
        assert (await world.roster.pulse()).detail["not_taken"] == ""


async def test_an_admin_call_under_way_does_not_outlive_the_settings_read_meanwhile():
    world = FeedWorld("BTCUSDT")
    async with world.running():
        gate = held(world)
        async with asyncio.TaskGroup() as group:
            group.create_task(world.roster.add("ETHUSDT"))
            await turns()
            world.roster.configure(told("BTCUSDT"))
            gate.set()
        await turns()
        assert (world.roster.collected, world.roster.added) == (("BTCUSDT",), ())


async def test_a_venue_with_nothing_to_do_is_idle_and_one_that_waits_for_its_rank_is_not():
    world = FeedWorld()
    async with world.running():
        assert (await world.roster.pulse()).state == "idle"
        gate, world.rest.away = held(world), True
        world.roster.configure(told(discover=ONE))
        await turns()
        pulse = await world.roster.pulse()
        assert (pulse.state, pulse.ok) == ("connecting", False)
        gate.set()
        await turns()
        pulse = await world.roster.pulse()
        assert (pulse.state, pulse.ok) == ("disconnected", False)
        world.roster.configure(told())
        await turns()
        assert (await world.roster.pulse()).ok
