"""One process collects from a venue; others stand by, and come in when it is gone."""

import asyncio
from contextlib import asynccontextmanager
from random import Random

import pytest
from virtual import VirtualClock

from cloud_marketdata.collectors.duty import Duty
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.holders import collector_name
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.memory.leases import MemoryLeases

pytestmark = pytest.mark.anyio
LEASE_S = 10.0


class Leases(MemoryLeases):
    """Leases that are away while the test says so, from one holder or from all."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.away: set[str] = set()

    async def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """See Leases."""
        if holder in self.away:
            raise StorageError("away")
        return await super().acquire(name, holder, seconds)


class Process:
    """A collector that knows only whether it collects."""

    def __init__(self, name: str, leases: Leases, clock: VirtualClock) -> None:
        self.duty = Duty(Venue.BYBIT_LINEAR, leases, clock, holder=name, seconds=LEASE_S)
        self.collects = False
        self._clock = clock

    async def collect(self) -> None:
        """Collect until cancelled."""
        self.collects = True
        try:
            await asyncio.Event().wait()
        finally:
            self.collects = False

    async def pulse(self) -> Pulse:
        """See Component."""
        return Pulse("collectors", "bybit", "disconnected", ok=False, detail={"x": 1})

    @asynccontextmanager
    async def running(self):
        """Do the duty, where it is ours, inside the block."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.duty.of(self.collect)())
            yield self
            task.cancel()


@asynccontextmanager
async def two():
    clock = VirtualClock()
    leases = Leases(clock)
    one, other = (Process(name, leases, clock) for name in ("one", "other"))
    async with one.running():
        await clock.move(1)
        async with other.running():
            await clock.move(60)
            assert (one.collects, other.collects) == (True, False)
            yield clock, leases, one, other


async def test_a_second_collector_stands_by_until_the_first_gives_the_duty_back():
    clock = VirtualClock()
    leases = Leases(clock)
    one, other = (Process(name, leases, clock) for name in ("one", "other"))
    async with one.running():
        await clock.move(1)
    async with other.running():
        await clock.move(LEASE_S / 2)
        assert not other.collects, "what the first has collected may not be in the log yet"
        await one.duty.end()
        await clock.move(1)
        assert other.collects


async def test_a_collector_that_is_gone_without_a_word_is_followed_after_the_lease():
    clock = VirtualClock()
    leases = Leases(clock)
    one, other = (Process(name, leases, clock) for name in ("one", "other"))
    async with one.running():
        await clock.move(1)
    async with other.running():
        await clock.move(LEASE_S - 2)
        assert not other.collects
        await clock.move(3)
        assert other.collects


async def test_who_collects_goes_on_while_the_leases_are_away_and_keeps_its_duty_after_it():
    async with two() as (clock, leases, one, other):
        leases.away = {"one", "other"}
        await clock.move(100)
        assert (one.collects, other.collects) == (True, False)
        # The first comes back a moment later than the other, and still keeps it.
        leases.away = {"one"}
        await clock.move(LEASE_S - 1)
        leases.away = set()
        await clock.move(60)
        assert (one.collects, other.collects, one.duty.taken) == (True, False, 0)


async def test_who_finds_the_duty_taken_stops_to_collect_and_says_so():
    async with two() as (clock, leases, one, other):
        leases.away = {"one"}
        await clock.move(LEASE_S + 2)
        assert (one.collects, other.collects) == (True, True), "nobody can tell them apart here"
        leases.away = set()
        await clock.move(2)
        assert (one.collects, other.collects, one.duty.taken) == (False, True, 1)


async def test_a_venue_that_another_collects_is_idle_here_and_no_trouble():
    async with two() as (_, _, one, other):
        collecting = await one.duty.told(one).pulse()
        standing = await other.duty.told(other).pulse()
    assert (collecting.state, collecting.ok) == ("disconnected", False)
    assert (standing.state, standing.ok, standing.detail["standing_by"]) == ("idle", True, True)


async def test_a_crash_of_what_is_run_keeps_the_duty():
    clock = VirtualClock()
    one = Process("one", Leases(clock), clock)

    async def crash() -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await one.duty.of(crash)()
    assert one.duty.ours


def test_a_collector_has_its_name_again_after_a_restart(tmp_path):
    settings = Settings(redis_url="redis://127.0.0.1", data_dir=tmp_path / "data")
    other = Settings(redis_url="redis://127.0.0.1", data_dir=tmp_path / "other")
    random = Random(1)  # noqa: S311  not for secrets
    name = collector_name(settings, random)
    assert collector_name(settings, random) == name
    assert collector_name(other, random) != name
