"""Footprint answers equal the candles' sums and the rules of definitions 2.2 and 2.4."""

import asyncio
from decimal import Decimal

import pytest
from flows import ASKED, flow_queries
from tape import BASE, MINUTE, TAPE, Market, decoded, floats_in, ms, trade

from cloud_marketdata.api.flow.questions import FootprintQuestion
from cloud_marketdata.api.flow.schemas import Footprint, FootprintAnswer
from cloud_marketdata.api.questions import CandlesQuestion
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.values import NS_PER_MS, Side, Timeframe

RANGE = {"start": ms(BASE), "end": ms(BASE + 4 * MINUTE)}


async def filled(tape=TAPE) -> Market:
    market = await Market().open()
    await market.append(tape[: len(tape) // 2])
    await market.save(BASE + MINUTE)
    await market.append(tape[len(tape) // 2 :])
    return market


async def asked_of(market: Market, **asked: object) -> FootprintAnswer:
    return await flow_queries(market).footprint(FootprintQuestion(**ASKED | RANGE | asked))


async def print_of(market: Market, **asked: object) -> Footprint:
    return (await asked_of(market, **asked)).data


def bought(*sizes: int, start: int = 0, minute: int = 0, first: int = 0):
    """Return one buy per tick, upwards."""
    return [
        trade(first + at, minute * 60_000 + at, 617_000 + start + at, size, Side.BUY)
        for at, size in enumerate(sizes)
    ]


@pytest.mark.parametrize("frame", ["1m", "5m", "15m", "1h", "4h", "1d"])
def test_rows_sum_to_the_candle_s_volume_and_delta(frame):
    async def law() -> None:
        market = await filled()
        data = await print_of(market, timeframe=frame)
        asked = CandlesQuestion(**ASKED | RANGE, timeframe=frame)
        candles = (await market.queries.candles(asked)).data
        assert len(candles) == len(data.bars)
        for bar, candle in zip(data.bars, candles, strict=True):
            sums = {side: sum(Decimal(getattr(row, side)) for row in bar.rows) for side in Side}
            assert sums[Side.BUY] == Decimal(candle.taker_buy_volume)
            assert sum(sums.values()) == Decimal(candle.volume) == Decimal(bar.volume)
            assert sum(Decimal(row.delta) for row in bar.rows) == Decimal(bar.delta)
            assert sum(row.buy_count + row.sell_count for row in bar.rows) == candle.count
            for name in ("open_time", "open", "high", "low", "close", "final", "revision"):
                assert getattr(bar, name) == getattr(candle, name)

    asyncio.run(law())


def test_a_bar_whose_time_is_not_over_is_not_final_though_its_minutes_are():
    async def law() -> None:
        market = await Market().open()
        await market.append(TAPE[:80])
        await market.save(BASE + MINUTE)
        minute, five = await print_of(market), await print_of(market, timeframe="5m")
        assert [bar.final for bar in minute.bars] == [True]
        assert [bar.final for bar in five.bars] == [False]

    asyncio.run(law())


def test_rows_are_those_of_the_tape():
    async def law() -> None:
        data = await print_of(await filled(), row_ticks=5)
        for bar in data.bars:
            start = bar.open_time * NS_PER_MS
            inside = [one for one in TAPE if start <= one.exchange_time < start + MINUTE]
            wanted = {one.price // 5 for one in inside}
            assert [row.low for row in bar.rows] == [
                format(Decimal(row * 5) / 10, ".1f") for row in sorted(wanted)
            ]
            for row in bar.rows:
                low, high = int(Decimal(row.low) * 10), int(Decimal(row.high) * 10)
                assert high - low == 4
                lots = sum(
                    one.size for one in inside if low <= one.price <= high and one.side == "buy"
                )
                assert Decimal(row.buy) * 1000 == lots

    asyncio.run(law())


def test_all_bars_have_rows_of_one_width_that_the_method_names():
    async def law() -> None:
        answer = await asked_of(await filled())
        assert answer.meta.method["row_ticks"] == answer.data.row_ticks == 1
        assert answer.meta.method["ratio_pct"] == 300
        wide = [trade(at, at * 700, 617_000 + 37 * (at % 97)) for at in range(300)]
        data = await print_of(await filled(wide))
        assert data.row_ticks == 100
        assert all(10 <= len(bar.rows) <= 40 for bar in data.bars[:3])

    asyncio.run(law())


def test_a_stack_of_imbalances_is_a_zone_until_later_bars_fill_it():
    sells = [trade(at, at, 617_000 + at, 10, Side.SELL) for at in range(6)]
    buys = bought(20, 40, 40, 40, 20, 20, start=1, first=6)
    above = [trade(20, 60_000, 617_010), trade(21, 60_001, 617_004)]
    through = [trade(22, 120_000, 617_000)]

    async def law() -> None:
        market = await filled([*sells, *buys])
        (bar,) = (await print_of(market)).bars
        (zone,) = bar.zones
        assert (zone.side, zone.low, zone.high, zone.rows) == ("buy", "61700.2", "61700.4", 3)
        assert zone.state == "fresh"
        assert [row.low for row in bar.rows if row.imbalance] == ["61700.2", "61700.3", "61700.4"]
        await market.append(above)
        zone = (await print_of(market)).bars[0].zones[0]
        assert (zone.state, zone.touched_at) == ("touched", (BASE + MINUTE) // NS_PER_MS)
        await market.append(through)
        zone = (await print_of(market)).bars[0].zones[0]
        assert (zone.state, zone.broken_at) == ("broken", (BASE + 2 * MINUTE) // NS_PER_MS)
        assert not (await print_of(market, stack=4)).bars[0].zones
        assert not (await print_of(market, ratio=401)).bars[0].zones
        assert not (await print_of(market, min_volume="0.040")).bars[0].zones

    asyncio.run(law())


def test_a_row_against_nothing_is_a_zero_print_unless_it_is_asked_to_be_more():
    async def law() -> None:
        market = await filled(bought(5, 5, 5, 5))
        (bar,) = (await print_of(market)).bars
        assert [row.zero_print for row in bar.rows] == [[], ["buy"], ["buy"], ["buy"]]
        assert [row.imbalance for row in bar.rows] == [[]] * 4
        (bar,) = (await print_of(market, ignore_zero=False)).bars
        assert [row.imbalance for row in bar.rows] == [[], ["buy"], ["buy"], ["buy"]]
        assert bar.zones[0].rows == 3

    asyncio.run(law())


def test_both_sides_at_the_high_are_a_fact_until_that_price_trades_again():
    tape = [
        trade(0, 0, 617_000),
        trade(1, 1, 617_005, side=Side.BUY),
        trade(2, 2, 617_005, side=Side.SELL),
        trade(3, 60_000, 617_001),
        trade(4, 120_000, 617_009),
        trade(5, 120_001, 617_004),
    ]

    async def law() -> None:
        bars = (await print_of(await filled(tape), row_ticks=1)).bars
        auction = bars[0].auction
        assert auction.both_sides_at_high is True
        assert auction.both_sides_at_low is False
        assert auction.high_resolved_at == (BASE + 2 * MINUTE) // NS_PER_MS
        assert auction.low_resolved_at is None

    asyncio.run(law())


def test_a_late_trade_gives_the_footprint_of_a_tape_without_lateness():
    late = trade(1000, 10, 617_300, size=7, side=Side.SELL)

    async def law() -> None:
        market = await filled()
        await market.append([late])
        whole = await filled(sorted([*TAPE, late], key=lambda one: one.exchange_time))
        ours, theirs = (await print_of(market)).bars, (await print_of(whole)).bars
        bare = [bar.model_copy(update={"final": False, "revision": 0}) for bar in ours]
        assert bare == [b.model_copy(update={"final": False, "revision": 0}) for b in theirs]

    asyncio.run(law())


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"timeframe": "15s"}, BadRequestError),
        ({"timeframe": "2m"}, BadRequestError),
        ({"row_ticks": 0}, LimitError),
        ({"end": ms(BASE + 301 * MINUTE)}, LimitError),
        ({"start": ms(BASE + MINUTE), "end": ms(BASE)}, BadRequestError),
    ],
)
def test_what_cannot_be_printed_is_refused(asked, error):
    async def law() -> None:
        market = await filled()
        with pytest.raises(error):
            await print_of(market, **asked)

    asyncio.run(law())


def test_no_price_size_or_sum_is_a_float():
    async def law() -> None:
        answer = decoded(await asked_of(await filled()))
        assert floats_in(answer["data"]) == []

    asyncio.run(law())


def test_timeframes_of_footprints_are_those_of_the_enum():
    schema = FootprintQuestion.model_json_schema()["properties"]["timeframe"]
    assert schema["enum"] == [one.value for one in Timeframe if one.ns >= MINUTE]
