"""Laws of AggregateRepository."""

import pytest
from contract_samples import BTC, ETH, VENUE, aggregate, trade

from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.storage.packing import pack_aggregate
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio

S = NS_PER_S


async def _all(stores: Stores, timeframe: Timeframe = Timeframe.S1) -> list[bytes]:
    found = await stores.aggregates.find_by_range(VENUE, "BTCUSDT", timeframe, 0, 1 << 62)
    return [pack_aggregate(one) for one in found]


async def test_what_was_saved_is_found_unchanged(stores):
    trades = [trade(S + at, price=600_000 + at % 5, size=10**18 + at) for at in range(40)]
    saved = aggregate(S, trades=trades, position=7, final=True)
    saved.revision, saved.late = 3, 2
    await stores.aggregates.save([saved])

    assert await _all(stores) == [pack_aggregate(saved)]


async def test_a_bucket_without_trades_is_a_bucket(stores):
    empty = aggregate(S, trades=[], final=True)
    await stores.aggregates.save([empty])

    assert await _all(stores) == [pack_aggregate(empty)]


async def test_the_range_is_half_open_and_ascends(stores):
    await stores.aggregates.save([aggregate(at * S) for at in (4, 2, 3, 1)])

    find = stores.aggregates.find_by_range
    found = await find(VENUE, "BTCUSDT", Timeframe.S1, 2 * S, 4 * S)

    assert [one.start // S for one in found] == [2, 3]
    assert await find(VENUE, "BTCUSDT", Timeframe.S5, 0, 9 * S) == []


async def test_a_higher_or_equal_position_replaces(stores):
    await stores.aggregates.save([aggregate(S, position=5)])
    newer = aggregate(S, position=5, trades=[trade(S, size=8)], final=True)
    await stores.aggregates.save([newer])

    assert await _all(stores) == [pack_aggregate(newer)]


async def test_a_lower_position_changes_nothing(stores):
    kept = aggregate(S, position=5, final=True)
    await stores.aggregates.save([kept])
    await stores.aggregates.save([aggregate(S, position=4, trades=[trade(S, size=8)])])

    assert await _all(stores) == [pack_aggregate(kept)]
    assert await stores.aggregates.open(VENUE, "BTCUSDT") == []
    assert await stores.aggregates.position(VENUE, "BTCUSDT") == 5


async def test_one_aggregate_that_cannot_be_saved_takes_all_with_it(stores):
    broken = aggregate(2 * S)
    broken.profile = aggregate(2 * S, instrument=ETH).profile
    with pytest.raises(ValueError, match="one scale"):
        await stores.aggregates.save([aggregate(S), broken])

    assert await _all(stores) == []


async def test_a_saved_aggregate_does_not_follow_its_object(stores):
    growing = aggregate(S)
    before = pack_aggregate(growing)
    await stores.aggregates.save([growing])
    growing.add(trade(S + 1))
    (found,) = await stores.aggregates.find_by_range(VENUE, "BTCUSDT", Timeframe.S1, S, S + 1)
    found.add(trade(S + 2))

    assert await _all(stores) == [before]


async def test_the_position_is_the_highest_inside_any_aggregate_of_the_market(stores):
    assert await stores.aggregates.position(VENUE, "BTCUSDT") == 0

    await stores.aggregates.save(
        [
            aggregate(S, position=12),
            aggregate(2 * S, position=30),
            aggregate(0, timeframe=Timeframe.M1, position=29),
            aggregate(S, instrument=ETH, position=99),
        ]
    )

    assert await stores.aggregates.position(VENUE, "BTCUSDT") == 30
    assert await stores.aggregates.position(ETH.venue, ETH.symbol) == 99


async def test_open_aggregates_ascend_by_length_and_start(stores):
    wanted = [(Timeframe.S5, 0), (Timeframe.S5, 5), (Timeframe.M1, 0), (Timeframe.H1, 0)]
    made = [aggregate(start * S, timeframe=frame) for frame, start in wanted]
    closed = aggregate(10 * S, timeframe=Timeframe.S5, final=True)
    await stores.aggregates.save([*reversed(made), closed, aggregate(S, instrument=ETH)])

    found = await stores.aggregates.open(VENUE, "BTCUSDT")

    assert [(one.timeframe, one.start // S) for one in found] == wanted


async def test_an_aggregate_that_became_final_is_no_longer_open(stores):
    await stores.aggregates.save([aggregate(S), aggregate(2 * S)])
    await stores.aggregates.save([aggregate(S, final=True, position=2)])

    assert [one.start // S for one in await stores.aggregates.open(VENUE, "BTCUSDT")] == [2]


async def test_bounds_are_the_oldest_and_newest_start(stores):
    assert await stores.aggregates.bounds(VENUE, "BTCUSDT", Timeframe.S1) is None

    await stores.aggregates.save([aggregate(at * S) for at in (7, 3, 5)])
    await stores.aggregates.save([aggregate(60 * S, timeframe=Timeframe.M1)])

    assert await stores.aggregates.bounds(VENUE, "BTCUSDT", Timeframe.S1) == (3 * S, 7 * S)


async def test_a_loaded_aggregate_shares_its_instrument_with_trades_from_the_log(stores):
    """The fold compares instruments by identity first, so equal ones should be one object."""
    await stores.aggregates.save([aggregate(S), aggregate(2 * S)])
    first, second = await stores.aggregates.open(VENUE, "BTCUSDT")

    assert first.instrument is second.instrument
    assert first.instrument == BTC
