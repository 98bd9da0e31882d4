"""What a market's store forgets: final buckets up to a horizon, for good, and nothing besides."""

from random import Random

import pytest
from contract_samples import BTC, ETH, VENUE, aggregate

from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.sheet import Changes, Layer, Marks, Row
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import Stores

pytestmark = pytest.mark.anyio
S1, M1 = Timeframe.S1, Timeframe.M1
SECOND, MINUTE = S1.ns, M1.ns
EVER = 1 << 62


async def starts(stores: Stores, timeframe: Timeframe, of: Instrument = BTC) -> list[int]:
    """Return the starts of the stored buckets of a market, in buckets since the epoch."""
    found = await stores.aggregates.find_by_range(of.venue, of.symbol, timeframe, 0, EVER)
    return [item.start // timeframe.ns for item in found]


async def closed(stores: Stores, *seconds: int, of: Instrument = BTC, position: int = 1) -> None:
    """Save final seconds."""
    items = [aggregate(at * SECOND, final=True, instrument=of, position=position) for at in seconds]
    await stores.aggregates.save(items)


async def forgotten(stores: Stores, timeframe: Timeframe, before: int) -> int:
    """Forget up to a time."""
    return await stores.aggregates.forget(VENUE, "BTCUSDT", timeframe, before)


async def test_final_buckets_that_end_at_or_before_go_and_the_others_stay(stores):
    await closed(stores, 0, 1, 2, 3)

    assert await forgotten(stores, S1, 2 * SECOND) == 2
    assert await starts(stores, S1) == [2, 3]
    assert await forgotten(stores, S1, 3 * SECOND - 1) == 0
    assert await starts(stores, S1) == [2, 3]
    assert await stores.aggregates.bounds(VENUE, "BTCUSDT", S1) == (2 * SECOND, 3 * SECOND)


async def test_an_open_bucket_is_never_forgotten(stores):
    await stores.aggregates.save([aggregate(0), aggregate(SECOND, final=True)])

    assert await forgotten(stores, S1, EVER) == 1
    assert await starts(stores, S1) == [0]
    assert [item.start for item in await stores.aggregates.open(VENUE, "BTCUSDT")] == [0]


async def test_other_timeframes_and_other_markets_are_left_alone(stores):
    await closed(stores, 0, 1)
    await closed(stores, 0, 1, of=ETH)
    await stores.aggregates.save([aggregate(0, timeframe=M1, final=True)])

    assert await forgotten(stores, S1, EVER) == 2
    assert await starts(stores, S1, ETH) == [0, 1]
    assert await starts(stores, M1) == [0]
    assert await stores.aggregates.horizon(VENUE, "BTCUSDT", M1) == 0
    assert await stores.aggregates.horizon(ETH.venue, "ETHUSDT", S1) == 0


async def test_forgetting_again_finds_nothing(stores):
    await closed(stores, 0, 1)

    assert await forgotten(stores, S1, EVER) == 2
    assert await forgotten(stores, S1, EVER) == 0
    assert await starts(stores, S1) == []
    assert await stores.aggregates.bounds(VENUE, "BTCUSDT", S1) is None


async def test_the_horizon_is_the_latest_that_was_set_also_where_nothing_went(stores):
    assert await stores.aggregates.horizon(VENUE, "BTCUSDT", S1) == 0
    for before in (5 * SECOND, 9 * SECOND, 7 * SECOND, 0):
        await forgotten(stores, S1, before)

    assert await stores.aggregates.horizon(VENUE, "BTCUSDT", S1) == 9 * SECOND


async def test_nothing_is_saved_at_or_before_the_horizon_and_the_rest_of_the_save_is(stores):
    await closed(stores, 0, 1)
    await forgotten(stores, S1, 2 * SECOND)
    await closed(stores, 0, 1, 2, position=9)
    await stores.aggregates.save([aggregate(SECOND, position=9), aggregate(0, timeframe=M1)])

    assert await starts(stores, S1) == [2]
    assert await starts(stores, M1) == [0]


async def test_positions_survive_what_they_were_saved_with(stores):
    await closed(stores, 0, position=7)
    await closed(stores, 5, position=4, of=ETH)
    await forgotten(stores, S1, EVER)

    assert await starts(stores, S1) == []
    assert await stores.aggregates.position(VENUE, "BTCUSDT") == 7
    assert await stores.aggregates.highest() == 7


async def test_the_highest_position_is_that_of_all_markets_and_of_their_ledgers(stores):
    assert await stores.aggregates.highest() == 0
    await closed(stores, 0, position=3)
    await closed(stores, 0, position=5, of=ETH)
    assert await stores.aggregates.highest() == 5

    await stores.aggregates.save([], Changes(VENUE, "BTCUSDT", Marks(6, 2)))
    assert await stores.aggregates.highest() == 6
    await stores.aggregates.save([], Changes(VENUE, "BTCUSDT", Marks(6, 8)))
    assert await stores.aggregates.highest() == 8
    assert await stores.aggregates.position(VENUE, "BTCUSDT") == 3


async def test_the_ledger_is_left_as_it_is(stores):
    run = Row(Layer.TAPE, "1", 5, 9, CoverageState.COMPLETE, open=False, low=1, high=4)
    await stores.aggregates.save(
        [aggregate(0, final=True)], Changes(VENUE, "BTCUSDT", Marks(1, 0), (run,))
    )
    await forgotten(stores, S1, EVER)

    kept = await stores.coverage.find(VENUE, "BTCUSDT", 0, EVER)
    assert kept.rows == (run,)


@pytest.mark.parametrize("seed", range(3))
async def test_any_saves_and_forgets_leave_what_a_plain_list_says(stores, seed):
    # A seed and not hypothesis: a real server is too dear to be opened for every example.
    random = Random(seed)  # noqa: S311  a seed must repeat
    kept: dict[int, bool] = {}
    horizon = 0
    for number in range(1, 41):
        at = random.randrange(12)
        if random.random() < 0.7:
            final = random.random() < 0.7
            await stores.aggregates.save([aggregate(at * SECOND, final=final, position=number)])
            if (at + 1) * SECOND > horizon:
                kept[at] = final
        else:
            before = at * SECOND + random.choice([-1, 0, 1])
            gone = [a for a in kept if kept[a] and (a + 1) * SECOND <= before]
            assert await forgotten(stores, S1, before) == len(gone)
            horizon = max(horizon, before)
            kept = {a: f for a, f in kept.items() if a not in gone}
        assert await starts(stores, S1) == sorted(kept)
        opened = await stores.aggregates.open(VENUE, "BTCUSDT")
        assert [item.start // SECOND for item in opened] == sorted(a for a in kept if not kept[a])
    assert await stores.aggregates.horizon(VENUE, "BTCUSDT", S1) == horizon
