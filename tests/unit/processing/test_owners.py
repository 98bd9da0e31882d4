"""While a store is away a worker holds what it has, tells it, and catches up by itself."""

import pytest
from crew_tape import LEASE_S, PACE, Tape, crew, equals_brute_force, running
from paused_crews import HOT, WARM, Outage, SharedClock, behind
from worker_tape import DAY, HOUR, MINUTE, START, STREAM, S

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.crew import Crew
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.tiering.ports import Turn

pytestmark = pytest.mark.anyio
MARKET = "binance-usdm/BTCUSDT"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Scene:
    """A crew of one market, whose tiers can be away."""

    def __init__(self, **paced: object) -> None:
        self.clock = SharedClock(START + 2 * DAY)
        self.stores = memory_stores(self.clock)
        self.tape = Tape(self.stores)
        self.hot, self.warm = Outage(), Outage()
        reached = behind(behind(self.stores, self.hot, HOT), self.warm, WARM)
        self.crew: Crew = crew(reached, self.clock, "one", PACE.model_copy(update=paced))

    async def trade(self, seconds: int, *, jump: int = S) -> None:
        """Append a trade every tenth of a second of the clock."""
        for _ in range(seconds * 10):
            await self.tape.append(jump)
            await self.clock.move(0.1)

    async def trouble(self) -> str:
        """Return what is told of the market."""
        pulse = await self.crew.pulse()
        trouble = pulse.detail["trouble"]
        assert pulse.ok is (not trouble)
        assert pulse.state == ("behind" if trouble else "ok")
        return trouble.get(MARKET, "")

    async def holding(self) -> dict[str, int]:
        """Return what is told of markets that read no further."""
        return (await self.crew.pulse()).detail["holding"]

    async def ends_right(self) -> None:
        """Let everything close, and compare it with brute force."""
        await self.tape.close()
        await self.clock.move(4 * LEASE_S)
        assert await self.trouble() == ""
        await equals_brute_force(self.stores, self.tape)


async def test_with_the_warm_tier_away_it_goes_on_folding_and_keeps_its_market():
    scene = Scene()
    async with running(scene.crew):
        await scene.trade(1)
        scene.warm.down = True
        await scene.trade(4)
        assert "nobody is there" in await scene.trouble()
        assert await scene.holding() == {}
        [worker] = scene.crew.workers.values()
        last = await scene.stores.log.last(STREAM)
        assert worker.position == last.position

        scene.warm.down = False
        await scene.ends_right()
    assert scene.crew.tally["lost"] == 0


async def test_it_holds_only_so_much_and_then_leaves_the_rest_in_the_log():
    scene = Scene(held_buckets=100)
    async with running(scene.crew):
        scene.warm.down = False
        await scene.trade(1)
        scene.warm.down = True
        await scene.trade(20)
        [worker] = scene.crew.workers.values()
        stood, last = worker.position, await scene.stores.log.last(STREAM)
        assert 100 <= worker.windows.unsaved <= 110
        assert stood < last.position
        assert await scene.holding() == {MARKET: worker.windows.unsaved}
        await scene.trade(2)
        assert worker.position == stood

        scene.warm.down = False
        await scene.ends_right()
        assert await scene.holding() == {}
    assert scene.crew.tally["lost"] == 0


async def test_while_it_holds_it_asks_the_store_about_once_a_second_and_not_all_the_time():
    scene = Scene(held_buckets=100, lease_s=30.0)
    async with running(scene.crew):
        await scene.trade(1)
        scene.warm.down = True
        await scene.trade(20)
        asked = scene.warm.calls
        await scene.trade(10)
        assert 5 <= scene.warm.calls - asked <= 30


async def test_with_the_hot_tier_away_past_its_lease_it_begins_again_and_nothing_is_in_it_twice():
    scene = Scene()
    async with running(scene.crew):
        await scene.trade(1)
        scene.hot.down = True
        await scene.trade(3)
        assert "reading" in await scene.trouble()
        scene.hot.down = False
        await scene.trade(1)
        await scene.ends_right()
    assert scene.crew.tally["lost"] == 1


async def test_a_short_absence_of_the_hot_tier_costs_nothing_that_was_folded():
    scene = Scene(save_ms=2_000, lease_s=30.0)
    async with running(scene.crew):
        await scene.clock.move(2.5)
        await scene.trade(1)
        [worker] = scene.crew.workers.values()
        unsaved = worker.windows.unsaved
        scene.hot.down = True
        await scene.clock.move(3.0)
        trouble = await scene.trouble()
        assert "reading" in trouble
        assert "saving" in trouble
        assert worker.windows.unsaved == unsaved > 0
        scene.hot.down = False
        await scene.ends_right()
    assert scene.crew.tally["lost"] == 0


async def test_a_late_trade_waits_for_its_bucket_while_the_warm_tier_is_away():
    scene = Scene(tiering_every_s=60.0)
    async with running(scene.crew):
        await scene.tape.append(0, HOUR)
        await scene.clock.move(1.0)
        scene.warm.down = True
        await scene.tape.append(S, -20 * MINUTE)
        await scene.tape.append(20 * MINUTE)
        await scene.clock.move(2.0)
        assert "find_by_range" in await scene.trouble()
        scene.warm.down = False
        await scene.ends_right()


async def test_a_start_without_the_warm_tier_is_told_and_comes_right_by_itself():
    scene = Scene()
    scene.warm.down = True
    async with running(scene.crew):
        await scene.trade(3)
        assert "restoring" in await scene.trouble()
        assert scene.crew.workers == {}
        scene.warm.down = False
        await scene.ends_right()
    assert scene.crew.tally["lost"] == 0


async def test_a_store_that_has_seen_a_newer_token_is_told_and_waited_for():
    scene = Scene()
    newer = scene.clock.now() // 1_000 + 5_000_000
    await scene.stores.aggregates.forget(*STREAM[:2], Timeframe.S1, 0, fence=newer)
    async with running(scene.crew):
        await scene.trade(3)
        assert "fencing token" in await scene.trouble()
        # Tokens are times; one day they are above what the store has seen.
        await scene.clock.move(5.0)
        await scene.ends_right()


async def test_forgetting_comes_in_its_turn_and_again_at_once_where_there_is_more():
    scene = Scene(tiering_every_s=5.0, save_ms=100)
    called: list[float] = []
    more = 3

    async def forget(*_market: str, fence: int) -> Turn:
        nonlocal more
        assert fence > 0
        called.append(scene.clock.seconds)
        more -= 1
        if more == 1:
            msg = "tiering is away"
            raise StorageError(msg)
        return Turn(more=more > 0)

    scene.crew._forget = forget
    async with running(scene.crew):
        await scene.trade(7)
        assert "tiering is away" not in await scene.trouble()
        await scene.trade(7)
    assert len(called) >= 4
    first, second, third, fourth, *_ = called
    assert first <= 5.5
    assert second - first <= 0.5
    assert third - second <= 1.5
    assert 4.5 <= fourth - third <= 5.5


async def test_forgetting_goes_on_as_fast_where_the_market_is_quiet():
    scene = Scene(tiering_every_s=60.0, save_ms=100, lease_s=30.0)
    called: list[float] = []

    async def forget(*_market: str, fence: int) -> Turn:
        assert fence > 0
        called.append(scene.clock.seconds)
        return Turn(more=len(called) < 10)

    scene.crew._forget = forget
    async with running(scene.crew):
        await scene.trade(1)
        await scene.clock.move(60)
    assert len(called) >= 10
    assert called[9] - called[0] <= 1.5


async def test_what_was_held_back_is_read_at_once_when_it_could_be_saved():
    scene = Scene(held_buckets=100, lease_s=30.0)
    async with running(scene.crew):
        await scene.trade(1)
        scene.warm.down = True
        for _ in range(600):
            await scene.tape.append(S)
        await scene.clock.move(3)
        last = await scene.stores.log.last(STREAM)
        scene.warm.down = False
        [worker] = scene.crew.workers.values()
        assert worker.full
        # A store that was away is asked once a second.
        await scene.clock.move(1.2)
        assert worker.position == last.position


async def test_a_stop_saves_what_the_lapse_of_its_lease_had_left_open():
    scene = Scene()
    async with running(scene.crew):
        await scene.trade(1)
    await scene.tape.append(S)
    scene.clock.seconds += 3 * LEASE_S
    await scene.tape.close()
    await scene.crew.finish()

    await equals_brute_force(scene.stores, scene.tape)
