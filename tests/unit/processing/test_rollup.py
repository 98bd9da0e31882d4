"""An hour is the sum of all its minutes or stays as it is: never that of what is left of them."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worker_tape import BTC, DAY, HOUR, MINUTE, START, VENUE, StillClock, trade

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.rollup import Rollup
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.ports import AggregateRepository

pytestmark = pytest.mark.anyio
M1, H1, D1 = Timeframe.M1, Timeframe.H1, Timeframe.D1


def _bucket(timeframe: Timeframe, start: int, trades: int = 1) -> Aggregate:
    made = Aggregate(BTC, timeframe, start)
    for number in range(trades):
        made.add(trade(number, start + number))
    made.final, made.position = True, 1
    return made


@given(
    minutes=st.sets(st.integers(0, 179), min_size=1),
    horizon=st.integers(0, 200),
    late=st.sets(st.integers(0, 179), max_size=3),
)
def test_nothing_is_summed_from_minutes_of_which_some_are_gone(minutes, horizon, late):
    asyncio.run(_rolled(minutes, horizon, late))


async def _rolled(minutes: set[int], horizon: int, late: set[int]) -> None:
    aggregates = memory_stores(StillClock()).aggregates
    stored = {START + n * MINUTE: _bucket(M1, START + n * MINUTE) for n in minutes}
    await aggregates.save(list(stored.values()))
    rollup = Rollup(VENUE, "BTCUSDT", aggregates)
    watermark = START + 3 * HOUR
    whole = await rollup.due([], watermark)
    assert {one.start for one in whole} == {H1.floor(start) for start in stored}
    await aggregates.save(whole)
    rollup.saved()

    before = START + horizon * MINUTE
    await aggregates.forget(VENUE, "BTCUSDT", M1, before)
    changed = [_bucket(M1, START + n * MINUTE, trades=3) for n in sorted(late)]
    again = await rollup.due(changed, watermark)

    asked = {H1.floor(one.start) for one in changed}
    assert {one.start for one in again} == {start for start in asked if start >= before}
    assert rollup.refused == len([start for start in asked if start < before])
    truth = stored | {one.start: one for one in changed}
    for one in again:
        parts = [part for start, part in truth.items() if H1.floor(start) == one.start]
        assert one.span.trades == sum(part.span.trades for part in parts)


async def test_a_restart_tells_how_far_the_stored_sums_say_that_time_has_passed():
    aggregates = memory_stores(StillClock()).aggregates
    assert await Rollup(VENUE, "BTCUSDT", aggregates).restore() == 0
    await aggregates.save([_bucket(M1, START), _bucket(H1, START)])
    assert await Rollup(VENUE, "BTCUSDT", aggregates).restore() == START + HOUR
    await aggregates.save([_bucket(D1, START)])
    assert await Rollup(VENUE, "BTCUSDT", aggregates).restore() == START + DAY


async def test_where_there_is_nothing_to_sum_is_looked_at_once_however_often_is_saved():
    aggregates = memory_stores(StillClock()).aggregates
    looks = _Looks(aggregates)
    rollup = Rollup(VENUE, "BTCUSDT", looks)
    watermark = START + 3 * HOUR
    for second in range(5):
        assert await rollup.due([], watermark + second) == []
        rollup.saved()
    assert looks.made == [H1, D1]

    await aggregates.save([_bucket(M1, START + 3 * HOUR)])
    [hour] = await rollup.due([], START + 4 * HOUR)
    assert hour.start == START + 3 * HOUR


async def test_what_could_not_be_saved_is_due_again():
    aggregates = memory_stores(StillClock()).aggregates
    await aggregates.save([_bucket(M1, START)])
    rollup = Rollup(VENUE, "BTCUSDT", aggregates)

    first = await rollup.due([], START + HOUR)
    again = await rollup.due([], START + HOUR)

    assert [one.start for one in again] == [one.start for one in first] == [START]


class _Looks:
    """Aggregates that note for which parts they were searched."""

    def __init__(self, aggregates: AggregateRepository) -> None:
        self.made: list[Timeframe] = []
        self._aggregates = aggregates

    def __getattr__(self, name: str) -> object:
        return getattr(self._aggregates, name)

    async def find_by_range(
        self, venue: Venue, symbol: str, timeframe: Timeframe, *ends: int
    ) -> list[Aggregate]:
        """See AggregateRepository."""
        self.made.append({M1: H1, H1: D1}[timeframe])
        return await self._aggregates.find_by_range(venue, symbol, timeframe, *ends)
