"""Flow minutes, signals and verdicts leave with age, in the time of their own market's tape."""

import asyncio

import pytest
from contract_samples import BTC, VENUE, aggregate
from flow_samples import EVER, MARKET, PAIR, M, changes, minute, signal

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.reconciled import Reconciled, Verdict
from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.flow_retention import FlowRetention, Kept
from cloud_marketdata.storage.membership import Membership
from cloud_marketdata.storage.memory.members import MemoryMembers
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio
KEPT = Kept(minutes=3 * M, signals=5 * M, reconciliations=2 * M)
OTHER = Subject.market(VENUE, "ETHUSDT")


def retention(stores: Stores, clock: object, *group: str) -> FlowRetention:
    """Return what forgets as the first of the group."""
    members = Membership(MemoryMembers(clock), "process", "a", seconds=9, clock=clock)
    members.living = ("a", *group)
    return FlowRetention(stores, clock, KEPT, 60, members)


async def starts(stores: Stores, subject: Subject = MARKET) -> list[int]:
    """Return the stored minutes of a subject by their numbers."""
    return [one.start // M for one in await stores.flow.minutes(subject, *EVER)]


async def found(stores: Stores, subject: Subject = MARKET) -> list[int]:
    """Return the stored signals of a subject by the minutes in which they were detected."""
    return [one.detected // M for one in await stores.flow.signals(subject, *EVER)]


async def test_what_is_older_than_its_time_before_the_newest_minute_goes(stores, clock):
    signals = [signal(f"{at}", at * M) for at in range(10)]
    await stores.flow.save(MARKET, changes(*map(minute, range(10)), *signals))

    assert await retention(stores, clock).forget() == 6 + 4
    assert await starts(stores) == [6, 7, 8, 9]
    assert await found(stores) == [4, 5, 6, 7, 8, 9]
    assert await retention(stores, clock).forget() == 0


async def test_a_market_ages_by_its_own_tape_and_not_by_that_of_others(stores, clock):
    await stores.flow.save(MARKET, changes(minute(1), minute(2), signal("a", 0)))
    await stores.flow.save(OTHER, changes(minute(1000)))

    assert await retention(stores, clock).forget() == 0
    assert (await starts(stores), await starts(stores, OTHER)) == ([1, 2], [1000])


async def test_a_pair_without_minutes_ages_by_the_newest_of_all(stores, clock):
    await stores.flow.save(PAIR, changes(signal("old", 90 * M), signal("young", 99 * M)))
    assert await retention(stores, clock).forget() == 0
    await stores.flow.save(OTHER, changes(minute(2)))
    await stores.flow.save(MARKET, changes(minute(100)))

    assert await retention(stores, clock).forget() == 1
    assert await found(stores, PAIR) == [99]


async def test_verdicts_age_by_the_newest_minute_of_their_market(stores, clock):
    at = (VENUE, BTC.symbol)
    verdicts = [Reconciled(*at, number * M, Verdict.EXACT, checked_at=1) for number in range(5)]
    await stores.reconciliations.save(verdicts)
    await stores.instruments.save([BTC])
    assert await retention(stores, clock).forget() == 0
    await stores.aggregates.save([aggregate(5 * M, timeframe=Timeframe.M1)])

    assert await retention(stores, clock).forget() == 3
    left = await stores.reconciliations.find(*at, 0, 1 << 62)
    assert [one.start // M for one in left] == [3, 4]


class TwoTurns:
    """A clock that lets one sleep end at once, and says when the second one begins."""

    def __init__(self) -> None:
        self.slept = 0
        self.again = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Return the first time, and never again."""
        del seconds
        self.slept += 1
        if self.slept > 1:
            self.again.set()
            await asyncio.Event().wait()


async def test_it_goes_on_where_a_store_was_away(stores, monkeypatch):
    await stores.flow.save(MARKET, changes(minute(1), minute(9)))
    subjects, clock = stores.flow.subjects, TwoTurns()

    async def away() -> list[Subject]:
        monkeypatch.setattr(stores.flow, "subjects", subjects)
        msg = "away"
        raise StorageError(msg)

    monkeypatch.setattr(stores.flow, "subjects", away)
    running = asyncio.ensure_future(retention(stores, clock).run())
    await asyncio.wait_for(clock.again.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await starts(stores) == [9]


def test_the_settings_say_for_how_long():
    kept = Kept.of(Settings(flow_kept_days=2, signals_kept_days=3, reconciliations_kept_hours=4))
    assert kept == (2 * 86_400 * 10**9, 3 * 86_400 * 10**9, 4 * 3600 * 10**9)
