"""When a session may open a connection, and how long its relief waits for its books."""

import pytest
from sessions import World, spot_book, spot_depth, spot_trade

from cloud_marketdata.core.breaker import BreakerState
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import BookState

pytestmark = pytest.mark.anyio
SPOT = Venue.BINANCE_SPOT


class Slow:
    """Connections that take a moment, so that only one of several sessions has the probe."""

    def __init__(self, world: World, takes_s: float) -> None:
        self._world = world
        self._takes_s = takes_s

    async def connect(self, url: str, receiver) -> object:
        """See transport.Connect."""
        await self._world.clock.sleep(self._takes_s)
        return await self._world.network.connect(url, receiver)


async def test_a_session_waits_a_second_at_most_after_anothers_probe_went_well():
    world = World(SPOT, copies=3, breaker_recovery_s=60, backoff_cap_s=0.5)
    slow = world.gear._replace(connect=Slow(world, 0.2).connect)
    for session in world.sessions:
        session._gear = slow
    world.network.refusing = True
    async with world.running():
        await world.clock.move(300)
        assert world.gear.breaker.state is not BreakerState.CLOSED
        world.network.refusing = False
        since = []
        for tenths in range(1_000):
            await world.clock.move(0.1)
            since += [tenths / 10] * (len(world.network.wires) - len(since))
            if len(since) == len(world.sessions):
                break
    # One look a second, and then the connection itself.
    assert since[-1] - since[0] <= 1.0 + 0.2 + 0.1


class Stream:
    """A market that goes on every second, on every connection that stands."""

    def __init__(self, world: World) -> None:
        self.at = 12
        self._world = world

    async def go_on(self, seconds: int) -> None:
        """Let as many seconds pass, each with a change of the book."""
        for _ in range(seconds):
            self.at += 1
            for wire in self._world.network.open:
                wire.hear(spot_trade(self.at), spot_depth(self.at, self.at))
            await self._world.clock.move(1)

    async def begin(self) -> None:
        """Bring the first connection in sync, and have it relieved while REST has no book."""
        self._world.rest.bodies["/depth"] = spot_book(10)
        self._world.network.wires[0].hear(spot_trade(7), spot_depth(11, 12))
        await self._world.clock.move(1)
        self._world.rest.bodies.clear()
        self._world.session.link.ask_relief("old")
        await self._world.clock.move(1)
        assert len(self._world.network.open) == 2


def patient() -> World:
    """Return a world in which silence and age are not what ends a connection."""
    return World(SPOT, overlap_s=5, stale_after_s=600, first_message_s=600)


async def test_a_relief_waits_for_the_books_that_rest_has_not_brought():
    world = patient()
    stream = Stream(world)
    async with world.running():
        await stream.begin()
        await stream.go_on(60)
        assert (len(world.network.open), world.session.rotations) == (2, 0)
        assert world.kept.views[-1].state is BookState.SYNCED, "the old connection's book"

        world.rest.bodies["/depth"] = spot_book(stream.at - 1)
        await stream.go_on(5)
        assert (len(world.network.open), world.session.rotations) == (1, 1)
        assert world.kept.views[-1].state is BookState.SYNCED
        assert not {StatusKind.BOOK_LOST, StatusKind.BOOK_GAP} & set(world.facts)


async def test_a_relief_waits_no_longer_than_eleven_minutes_for_a_book_that_never_comes():
    world = patient()
    stream = Stream(world)
    async with world.running():
        await stream.begin()
        await stream.go_on(655)
        assert world.session.rotations == 0
        await stream.go_on(6)
        assert world.session.rotations == 1


async def test_a_relief_does_not_wait_for_a_book_that_has_nothing_to_say():
    world = patient()
    async with world.running():
        await Stream(world).begin()
        for wire in world.network.open:
            wire.hear(spot_trade(8))
        await world.clock.move(3)
        assert world.session.rotations == 0
        await world.clock.move(3)
        assert world.session.rotations == 1


async def test_a_relief_that_outlives_its_lifetime_before_it_settles_still_takes_over():
    world = World(
        SPOT, overlap_s=5, stale_after_s=600, first_message_s=600, lifetime_hours=20 / 3600
    )
    stream = Stream(world)
    async with world.running():
        await stream.begin()
        await stream.go_on(50)
        assert (len(world.network.wires), world.session.rotations) == (2, 0), "one relief, kept"

        world.rest.bodies["/depth"] = spot_book(stream.at - 1)
        await stream.go_on(3)
        assert world.session.rotations >= 1
        assert world.kept.views[-1].state is BookState.SYNCED
