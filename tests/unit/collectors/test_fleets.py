"""Which connections carry a symbol that comes or goes, on every venue and in twins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sessions import World
from virtual import turns

from cloud_marketdata.collectors.connection.fleet import Fleet
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.domain.values import Venue

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(world: World, venue: Venue, *symbols: str) -> AsyncIterator[Fleet]:
    """Run a fleet that carries these symbols while the block runs."""
    fleet = Fleet("ws://venue", world.sessions[0]._make_intake, world.gear)
    assert VENUES[venue].venue is venue
    fleet.add(symbols)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(fleet.run())
        await turns(60)
        yield fleet
        task.cancel()


def carried(fleet: Fleet) -> dict[str, set[str]]:
    return {s.plan.name: {topic.symbol for topic in s.plan.topics} for s in fleet.sessions}


@pytest.mark.parametrize("hot_hot", [False, True])
@pytest.mark.parametrize("venue", Venue)
async def test_a_symbol_comes_and_goes_on_the_connections_that_are_there(venue, hot_hot):
    world = World(venue, hot_hot=hot_hot)
    async with running(world, venue, "BTCUSDT") as fleet:
        opened = len(world.network.wires)
        assert opened == (2 if venue is Venue.BINANCE_USDM else 1) * (2 if hot_hot else 1)
        fleet.add(["ETHUSDT"])
        assert set(map(frozenset, carried(fleet).values())) == {frozenset({"BTCUSDT", "ETHUSDT"})}
        fleet.remove(["BTCUSDT"])
        await turns()
        assert set(map(frozenset, carried(fleet).values())) == {frozenset({"ETHUSDT"})}
        assert len(world.network.wires) == len(world.network.open) == opened
        fleet.remove(["ETHUSDT"])
        await turns()
        assert (fleet.sessions, world.network.open) == ([], [])


@pytest.mark.parametrize("hot_hot", [False, True])
async def test_a_full_connection_is_left_alone_and_another_one_is_opened(monkeypatch, hot_hot):
    monkeypatch.setattr(VENUES[Venue.BINANCE_SPOT], "topics_max", 4)
    world = World(Venue.BINANCE_SPOT, hot_hot=hot_hot)
    async with running(world, Venue.BINANCE_SPOT, "AA", "BB") as fleet:
        before = list(fleet.sessions)
        fleet.add(["CC"])
        await turns(60)
        assert fleet.sessions[: len(before)] == before
        assert all(len(session.plan.topics) <= 4 for session in fleet.sessions)
        assert [carried(fleet)[s.plan.name] for s in before] == [{"AA", "BB"}] * len(before)
        twins = 2 if hot_hot else 1
        assert len(world.network.wires) == 2 * twins
        # A place that became free is used before a connection is opened.
        fleet.remove(["AA"])
        fleet.add(["DD"])
        await turns(60)
        assert len(fleet.sessions) == len(world.network.wires) == 2 * twins
        assert set().union(*carried(fleet).values()) == {"BB", "CC", "DD"}
