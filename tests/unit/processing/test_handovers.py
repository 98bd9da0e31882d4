"""Markets move to their heirs: at once where they are free, in order where somebody has them."""

import pytest
from crew_tape import LEASE_S, PACE, Tape, crew, equals_brute_force, in_line, running, stopped
from paused_crews import WARM, Gate, Outage, SharedClock, behind
from worker_tape import DAY, START, STREAM, S

from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import Batch, Stores

pytestmark = pytest.mark.anyio
BEAT_S = LEASE_S / 4
FIRST, SECOND, THIRD = in_line("a", "b", "c")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Scene:
    """Crews on one log, each behind a gate of its own that stops the whole process."""

    def __init__(self) -> None:
        self.clock = SharedClock(START + 2 * DAY)
        self.stores = memory_stores(self.clock)
        self.tape = Tape(self.stores)
        self.gates: dict[str, Gate] = {}

    def crew(self, name: str, stores: Stores | None = None) -> Crew:
        """Return a process that is a member by this name."""
        gate = self.gates[name] = Gate()
        return crew(behind(stores or self.stores, gate), self.clock, name)

    async def until(self, owner: Crew, most_s: float) -> float:
        """Return the seconds until the market is the owner's."""
        began = self.clock.seconds
        while not owner.workers:
            assert self.clock.seconds - began < most_s
            await self.clock.move(0.01)
        return self.clock.seconds - began

    async def ends_right(self) -> None:
        """Let everything close, and compare it with brute force."""
        await self.tape.close()
        await self.clock.move(4 * LEASE_S)
        await equals_brute_force(self.stores, self.tape)


async def test_a_market_goes_to_its_heir_in_order_when_that_one_joins():
    scene = Scene()
    owner, heir = scene.crew(SECOND), scene.crew(FIRST)
    await scene.tape.append(0, S)
    async with running(owner):
        await scene.until(owner, 1.0)
        async with running(heir):
            assert await scene.until(heir, 2.0) <= LEASE_S
            assert owner.workers == {}
            assert (owner.tally["given"], owner.tally["lost"]) == (1, 0)
            await scene.ends_right()
            assert (heir.tally["given"], heir.tally["lost"]) == (0, 0)


async def test_what_was_folded_and_not_saved_is_saved_before_it_is_given():
    scene = Scene()
    slow = PACE.model_copy(update={"save_ms": 60_000})
    owner = crew(scene.stores, scene.clock, SECOND, slow)
    heir = scene.crew(FIRST)
    async with running(owner):
        await scene.tape.append(0)
        await scene.until(owner, 1.0)
        await scene.clock.move(1.0)
        position = (await scene.stores.log.last(STREAM)).position
        assert await scene.stores.aggregates.position(*STREAM[:2]) == 0
        async with running(heir):
            await scene.until(heir, 1.0)
            assert await scene.stores.aggregates.position(*STREAM[:2]) == position
            assert next(iter(heir.workers.values())).position == position


async def test_a_market_stays_where_it_is_when_somebody_joins_who_comes_behind():
    scene = Scene()
    owner, other = scene.crew(FIRST), scene.crew(SECOND)
    await scene.tape.append(0)
    async with running(owner):
        await scene.until(owner, 1.0)
        async with running(other):
            await scene.clock.move(10 * LEASE_S)
            assert list(owner.workers) == [STREAM]
            assert owner.tally["given"] == other.tally["lost"] == 0


async def test_an_heir_that_lives_and_hangs_is_given_nothing():
    scene = Scene()
    owner, heir = scene.crew(SECOND), scene.crew(FIRST)
    await scene.tape.append(0)
    async with running(owner):
        await scene.until(owner, 1.0)
        # It beats, and its crew does not run.
        for _ in range(40):
            await heir._membership.beat()
            await scene.clock.move(BEAT_S)
        assert owner._membership.living == sorted([FIRST, SECOND])
        assert list(owner.workers) == [STREAM]
        assert owner.tally["given"] == owner.tally["lost"] == 0


async def test_where_the_heir_lives_and_hangs_the_next_one_takes_what_is_free():
    scene = Scene()
    owner, heir, third = scene.crew(SECOND), scene.crew(FIRST), scene.crew(THIRD)
    await scene.tape.append(0)
    async with running(third, owner):
        for _ in range(12):
            await heir._membership.beat()
            await scene.clock.move(BEAT_S)
        assert (list(owner.workers), list(third.workers)) == ([STREAM], [])
        async with running(heir):
            await scene.until(heir, 1.0)
            await scene.ends_right()


async def test_a_member_that_comes_and_goes_within_a_beat_moves_nothing():
    scene = Scene()
    owner = scene.crew(SECOND)
    await scene.tape.append(0)
    async with running(owner):
        await scene.until(owner, 1.0)
        await scene.clock.move(LEASE_S)
        for _ in range(10):
            heir = scene.crew(FIRST)
            async with running(heir):
                await scene.clock.move(0.9 * BEAT_S)
            await stopped(heir)
            await scene.clock.move(1.2 * BEAT_S)
        assert owner._membership.changes > 5
        assert list(owner.workers) == [STREAM]
        assert owner.tally["given"] == owner.tally["lost"] == 0


async def test_who_stops_in_order_hands_over_within_a_beat():
    scene = Scene()
    owner, heir = scene.crew(FIRST), scene.crew(SECOND)
    await scene.tape.append(0)
    async with running(heir):
        async with running(owner):
            await scene.clock.move(4 * LEASE_S)
            assert list(owner.workers) == [STREAM]
        await scene.tape.append(S)
        await stopped(owner)
        assert await scene.until(heir, 1.0) <= BEAT_S + 0.1
        await scene.ends_right()


async def test_what_a_killed_one_had_is_worked_on_again_soon_after_its_lease():
    scene = Scene()
    owner, heir = scene.crew(FIRST), scene.crew(SECOND)
    await scene.tape.append(0)
    async with running(heir, owner):
        await scene.until(owner, 1.0)
        await scene.clock.move(LEASE_S)
        scene.gates[FIRST].close()
        await scene.tape.append(S)
        assert await scene.until(heir, 3.0) <= 1.4 * LEASE_S
        await scene.ends_right()


async def test_while_the_store_of_the_members_is_away_nothing_changes_hands():
    scene = Scene()
    away = Outage()
    stores = behind(scene.stores, away, ("members",))
    owner, heir = scene.crew(SECOND, stores), scene.crew(FIRST, stores)
    await scene.tape.append(0)
    async with running(owner):
        await scene.until(owner, 1.0)
        await scene.clock.move(LEASE_S)
        away.down = True
        async with running(heir):
            await scene.clock.move(5 * LEASE_S)
            assert list(owner.workers) == [STREAM]
            assert heir.workers == {}
            away.down = False
            await scene.until(heir, 1.0)
            await scene.ends_right()
    assert owner.tally["lost"] == heir.tally["lost"] == 0


async def test_an_heir_that_cannot_reach_the_warm_tier_is_given_nothing_until_it_can():
    scene = Scene()
    away = Outage()
    owner, heir = scene.crew(SECOND), scene.crew(FIRST, behind(scene.stores, away, WARM))
    away.down = True
    await scene.tape.append(0)
    async with running(owner):
        await scene.until(owner, 1.0)
        async with running(heir):
            await scene.clock.move(5 * LEASE_S)
            assert list(owner.workers) == [STREAM]
            assert "nobody is there" in (await heir.pulse()).detail["trouble"].popitem()[1]
            away.down = False
            assert await scene.until(heir, 2.0) <= 2 * LEASE_S
            await scene.ends_right()


async def test_an_owner_that_cannot_save_keeps_what_it_has():
    scene = Scene()
    away = Outage()
    owner, heir = scene.crew(SECOND, behind(scene.stores, away, WARM)), scene.crew(FIRST)
    await scene.tape.append(0)
    async with running(owner):
        await scene.until(owner, 1.0)
        away.down = True
        await scene.tape.append(S)
        async with running(heir):
            await scene.clock.move(5 * LEASE_S)
            assert list(owner.workers) == [STREAM]
            assert "giving" in (await owner.pulse()).detail["trouble"].popitem()[1]
            away.down = False
            await scene.until(heir, 2.0)
            await scene.ends_right()
    assert owner.tally["lost"] == heir.tally["lost"] == 0


async def test_markets_are_shared_evenly_and_each_has_one_owner():
    scene = Scene()
    crews = [scene.crew(name) for name in ("one", "two", "three")]
    streams = [STREAM._replace(symbol=f"S{number}USDT") for number in range(60)]
    await scene.tape.append(0)
    (trade,) = scene.tape.trades
    await scene.stores.log.append([Batch(stream, [trade]) for stream in streams])
    async with running(*crews):
        await scene.clock.move(4 * LEASE_S)
        shares = [len(each.workers) for each in crews]
        assert sum(shares) == 61
        assert min(shares) >= 10
