"""Laws of TradeRepository."""

from decimal import Decimal
from random import Random

import pytest
from contract_samples import BTC, TRADES, VENUE, batch, trade

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe, TradeFlag
from cloud_marketdata.storage.ports import Batch

pytestmark = pytest.mark.anyio

ALL = (0, 1 << 62)


async def test_save_appends_to_the_log(stores):
    await stores.trades.save(trade(5))

    assert [list(record.events) for record in await stores.log.read(TRADES)] == [[trade(5)]]


async def test_the_range_is_half_open(stores):
    await stores.log.append([batch(10, 20), batch(30)])

    found = await stores.trades.find_by_range(VENUE, "BTCUSDT", 10, 30, limit=9)

    assert found == [trade(10), trade(20)]


async def test_late_trades_stand_where_their_match_time_says(stores):
    await stores.log.append([batch(10, 50), batch(60), batch(20), batch(55, 15)])

    found = await stores.trades.find_by_range(VENUE, "BTCUSDT", *ALL, limit=4)
    newest = await stores.trades.find_by_range(VENUE, "BTCUSDT", *ALL, limit=4, newest=True)

    assert [one.exchange_time for one in found] == [10, 15, 20, 50]
    assert [one.exchange_time for one in newest] == [20, 50, 55, 60]


async def test_trades_of_one_time_stand_by_sequence(stores):
    trades = [trade(10, number=number) for number in (3, 1, 2)]
    await stores.log.append([Batch(TRADES, [one]) for one in trades])

    found = await stores.trades.find_by_range(VENUE, "BTCUSDT", *ALL, limit=2)
    newest = await stores.trades.find_by_range(VENUE, "BTCUSDT", *ALL, limit=2, newest=True)

    assert [one.sequence for one in found] == [1, 2]
    assert [one.sequence for one in newest] == [2, 3]


async def test_nothing_is_found_where_nothing_is(stores):
    await stores.log.append([batch(10)])

    assert await stores.trades.find_by_range(VENUE, "BTCUSDT", 11, 99, limit=5) == []
    assert await stores.trades.find_by_range(VENUE, "ETHUSDT", *ALL, limit=5) == []
    assert await stores.trades.find_by_range(VENUE, "BTCUSDT", *ALL, limit=0) == []
    assert await stores.trades.aggregate_by_price(VENUE, "BTCUSDT", 11, 99) is None


@pytest.mark.parametrize("seed", range(4))
async def test_every_range_equals_a_search_through_all_trades(stores, seed):
    random = Random(seed)  # noqa: S311  # a seed makes the case repeatable
    tape = [trade(random.randrange(400), number=n, size=n + 1) for n in range(600)]
    tape.sort(key=lambda one: one.exchange_time + random.choice((0, 0, 0, random.randrange(90))))
    await stores.log.append([Batch(TRADES, tape[at : at + 7]) for at in range(0, 600, 7)])
    ordered = sorted(tape, key=lambda one: (one.exchange_time, one.sequence))
    for _ in range(25):
        start, limit = random.randrange(400), random.choice((1, 5, 50, 1000))
        end = start + random.randrange(1, 200)
        within = [one for one in ordered if start <= one.exchange_time < end]

        find = stores.trades.find_by_range
        assert await find(VENUE, "BTCUSDT", start, end, limit=limit) == within[:limit]
        newest = await find(VENUE, "BTCUSDT", start, end, limit=limit, newest=True)
        assert newest == within[-limit:]


async def test_the_profile_of_raw_trades_equals_the_fold_of_the_worker(stores):
    fine = BTC.refined(Decimal("0.01"), Decimal("0.0001"))
    tape = [trade(time, price=600_000 + time % 7, size=time) for time in range(1, 50)]
    tape += [trade(60, price=6_000_001, size=3, instrument=fine)]
    tape += [trade(61, flags=TradeFlag.INSURANCE_FUND)]
    await stores.log.append([Batch(TRADES, tape[at : at + 5]) for at in range(0, len(tape), 5)])
    folded = Aggregate(BTC, Timeframe.D1, 0)
    for one in tape:
        folded.add(one)

    profile = await stores.trades.aggregate_by_price(VENUE, "BTCUSDT", *ALL)

    assert profile == folded.profile
