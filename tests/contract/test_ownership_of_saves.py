"""Who may save: the highest fencing token that a market has seen, and nobody below it."""

import asyncio

import pytest
from contract_samples import BTC, ETH, VENUE, aggregate

from cloud_marketdata.core.errors import FencedError, StorageError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.sheet import Changes, Kept, Layer, Marks, Row
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio
EARLIER, LATER = 1_755_000_000_000_000, 1_755_000_000_000_001
"""Tokens as leases give them: microseconds."""


async def positions(stores: Stores, symbol: str = "BTCUSDT") -> list[int]:
    """Return the position of every stored second of a market."""
    venue = VENUE if symbol == "BTCUSDT" else ETH.venue
    found = await stores.aggregates.find_by_range(venue, symbol, Timeframe.S1, 0, 1 << 62)
    return [item.position for item in found]


def ledger(position: int) -> Changes:
    run = Row(Layer.TAPE, "1", 5, 9, CoverageState.COMPLETE, open=True, low=1, high=4)
    return Changes(VENUE, "BTCUSDT", Marks(position, 0), (run,))


async def test_a_lower_token_than_one_that_was_seen_stores_nothing(stores):
    await stores.aggregates.save([aggregate(0, position=1)], fence=LATER)

    with pytest.raises(FencedError):
        await stores.aggregates.save([aggregate(0, position=9)], ledger(9), fence=EARLIER)

    assert await positions(stores) == [1]
    assert await stores.aggregates.position(VENUE, "BTCUSDT") == 1
    assert await stores.coverage.find(VENUE, "BTCUSDT", 0, 1 << 62) == Kept()
    assert issubclass(FencedError, StorageError)


async def test_the_same_token_and_a_higher_one_may_save(stores):
    for position, fence in ((1, EARLIER), (2, EARLIER), (3, LATER), (4, LATER)):
        await stores.aggregates.save([aggregate(0, position=position)], fence=fence)

    assert await positions(stores) == [4]


async def test_whoever_has_no_token_may_save_until_one_was_seen(stores):
    await stores.aggregates.save([aggregate(0, position=1)])
    await stores.aggregates.save([aggregate(0, position=2)], fence=1)

    with pytest.raises(FencedError):
        await stores.aggregates.save([aggregate(0, position=3)])

    assert await positions(stores) == [2]


async def test_a_token_counts_for_its_market_alone(stores):
    await stores.aggregates.save([aggregate(0, position=1)], fence=LATER)
    await stores.aggregates.save([aggregate(0, position=2, instrument=ETH)], fence=EARLIER)

    assert await positions(stores, "ETHUSDT") == [2]


async def test_a_save_over_two_markets_stores_nothing_where_one_is_fenced_off(stores):
    await stores.aggregates.save([aggregate(0, position=1)], fence=LATER)
    both = [aggregate(0, position=5, instrument=ETH), aggregate(0, position=5)]

    with pytest.raises(FencedError):
        await stores.aggregates.save(both, fence=EARLIER)

    assert (await positions(stores), await positions(stores, "ETHUSDT")) == ([1], [])
    # Nor has the other market seen the token of a save that stored nothing.
    await stores.aggregates.save([aggregate(0, position=2, instrument=ETH)])
    assert await positions(stores, "ETHUSDT") == [2]


async def test_a_ledger_alone_is_fenced_off_too(stores):
    await stores.aggregates.save([], ledger(1), fence=LATER)

    with pytest.raises(FencedError):
        await stores.aggregates.save([], ledger(2), fence=EARLIER)
    with pytest.raises(FencedError):
        await stores.aggregates.save([aggregate(0)], fence=EARLIER)

    kept = await stores.coverage.find(VENUE, "BTCUSDT", 0, 1 << 62)
    assert kept.marks == Marks(1, 0)


async def test_forgetting_is_fenced_off_too(stores):
    await stores.aggregates.save([aggregate(0, final=True)], fence=LATER)

    with pytest.raises(FencedError):
        await stores.aggregates.forget(VENUE, "BTCUSDT", Timeframe.S1, 1 << 40, fence=EARLIER)

    assert await positions(stores) == [1]
    assert await stores.aggregates.horizon(VENUE, "BTCUSDT", Timeframe.S1) == 0


async def test_forgetting_nothing_makes_the_token_seen(stores):
    # So a new owner shuts the old one out before it reads what that one has left.
    await stores.aggregates.save([aggregate(0, position=1)], fence=EARLIER)
    assert not await stores.aggregates.forget(VENUE, "BTCUSDT", Timeframe.S1, 0, fence=LATER)

    with pytest.raises(FencedError):
        await stores.aggregates.save([aggregate(0, position=2)], fence=EARLIER)

    assert await positions(stores) == [1]
    assert await stores.aggregates.horizon(VENUE, "BTCUSDT", Timeframe.S1) == 0


async def test_a_refused_token_changes_nothing_for_the_one_that_is_in_force(stores):
    await stores.aggregates.save([aggregate(0, position=1)], fence=LATER)
    for _ in range(2):
        with pytest.raises(FencedError):
            await stores.aggregates.save([aggregate(0, position=9)], fence=EARLIER)

    await stores.aggregates.save([aggregate(0, position=2)], fence=LATER)

    assert await positions(stores) == [2]


async def test_of_many_savers_at_once_the_last_one_stored_has_the_highest_token(stores):
    done: list[int] = []

    async def save(fence: int) -> None:
        saved = aggregate(0, position=7)
        saved.late = fence
        try:
            await stores.aggregates.save([saved], fence=fence)
        except FencedError:
            return
        done.append(fence)

    async with asyncio.TaskGroup() as group:
        for fence in (3, 1, 8, 2, 7, 4, 6, 5):
            group.create_task(save(fence))

    [kept] = await stores.aggregates.find_by_range(VENUE, BTC.symbol, Timeframe.S1, 0, 1)
    assert isinstance(kept, Aggregate)
    assert kept.late == max(done) == 8
