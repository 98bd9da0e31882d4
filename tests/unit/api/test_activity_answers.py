"""Bars of equal activity are made of every raw trade since their anchor, or not at all."""

import asyncio
from decimal import Decimal

import pytest
from flows import ASKED, flow_queries
from tape import BASE, MINUTE, TAPE, Market, decoded, floats_in, ms, trade

from cloud_marketdata.api.flow.questions import ActivityBarsQuestion
from cloud_marketdata.api.flow.schemas import ActivityBarsAnswer
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, TradeFlag
from cloud_marketdata.processing.metrics.activity_bars import Activity, activity_bars

RANGE = {"start": ms(BASE), "end": ms(BASE + 4 * MINUTE)}


async def filled(tape=TAPE) -> Market:
    market = await Market().open()
    await market.append(tape[: len(tape) // 2])
    await market.save(BASE + MINUTE)
    await market.append(tape[len(tape) // 2 :])
    return market


async def bars_of(market: Market, **asked: object) -> ActivityBarsAnswer:
    question = ActivityBarsQuestion(**ASKED | RANGE | {"kind": "volume", "size": "0.05"} | asked)
    return await flow_queries(market).activity_bars(question)


@pytest.mark.parametrize(
    ("kind", "size", "whole"),
    [("tick", "7", 7), ("volume", "0.0495", 50), ("dollar", "2000", 20_000_000)],
)
def test_bars_are_those_of_the_whole_tape(kind, size, whole):
    async def law() -> None:
        answer = await bars_of(await filled(), kind=kind, size=size)
        wanted = list(activity_bars(TAPE, Activity(kind), whole, Timeframe.H1.ns))
        assert [(bar.first_id, bar.last_id, bar.full, bar.number) for bar in answer.data.bars] == [
            (bar.first[2], bar.last[2], bar.full, bar.number) for bar in wanted
        ]
        assert [Decimal(bar.volume) * 1000 for bar in answer.data.bars] == [
            bar.bar.volume for bar in wanted
        ]
        # The tape crosses midnight, which is an anchor: the bar before it was not filled.
        assert [bar.full for bar in answer.data.bars].count(False) == 2
        assert {bar.anchor for bar in answer.data.bars} == {
            (BASE + 2 * MINUTE - Timeframe.H1.ns) // NS_PER_MS,
            (BASE + 2 * MINUTE) // NS_PER_MS,
        }

    asyncio.run(law())


def test_a_later_start_shows_the_same_bars():
    async def law() -> None:
        market = await filled()
        whole = (await bars_of(market)).data.bars
        start = BASE + MINUTE + 1234 * NS_PER_MS
        some = (await bars_of(market, start=ms(start))).data.bars
        assert some == [bar for bar in whole if bar.close_time * NS_PER_MS >= start]
        assert some[0].number > 0

    asyncio.run(law())


def test_a_late_trade_makes_the_bars_of_a_tape_without_lateness():
    late = trade(1000, 10, size=7)

    async def law() -> None:
        market = await filled()
        await market.append([late])
        tape = sorted([*TAPE, late], key=lambda one: (one.exchange_time, one.sequence))
        assert (await bars_of(market)).data == (await bars_of(await filled(tape))).data

    asyncio.run(law())


def test_a_finer_grid_in_the_middle_changes_no_bar():
    fine = TAPE[0].instrument
    fine = type(fine)(fine.venue, fine.symbol, Scale(Decimal("0.05"), Decimal("0.0001")), 2)
    tape = [
        one
        if at < 100
        else trade(at, at * 700, one.price * 2, one.size * 10, one.side, instrument=fine)
        for at, one in enumerate(TAPE)
    ]

    async def law() -> None:
        ours = (await bars_of(await filled(tape))).data.bars
        theirs = (await bars_of(await filled())).data.bars
        for one, other in zip(ours, theirs, strict=True):
            assert (one.first_id, one.last_id) == (other.first_id, other.last_id)
            assert Decimal(one.volume) == Decimal(other.volume)
            assert Decimal(one.quote_volume) == Decimal(other.quote_volume)

    asyncio.run(law())


def test_where_a_raw_trade_is_gone_the_bars_are_refused():
    async def law() -> None:
        market = await filled()
        await market.save(BASE + 3 * MINUTE)
        await market.stores.log.trim(market.stream, upto=1, before=BASE + 100 * MINUTE)
        with pytest.raises(ResolutionGoneError, match="no longer kept"):
            await bars_of(market)

    asyncio.run(law())


def test_what_was_kept_out_of_bars_fills_none():
    block = trade(300, 300 * 700, size=500, flags=int(TradeFlag.BLOCK))

    async def law() -> None:
        market = await filled([*TAPE, block])
        assert (await bars_of(market)).data == (await bars_of(await filled())).data

    asyncio.run(law())


def test_the_method_says_where_counting_began():
    async def law() -> None:
        market = await filled()
        method = (await bars_of(market, anchor="session")).meta.method
        assert method["anchor"] == "each session in UTC"
        assert method["counted_since"] == "2024-08-08T00:00:00.000Z"
        assert (await bars_of(market)).meta.resolution == ["trades"]

    asyncio.run(law())


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"kind": "range"}, BadRequestError),
        ({"anchor": "week"}, BadRequestError),
        ({"kind": "tick", "size": "1.5"}, BadRequestError),
        ({"start": ms(BASE - 3 * Timeframe.D1.ns)}, LimitError),
    ],
)
def test_what_cannot_be_counted_is_refused(asked, error):
    async def law() -> None:
        market = await filled()
        with pytest.raises(error):
            await bars_of(market, **asked)

    asyncio.run(law())


def test_no_price_size_or_sum_is_a_float():
    async def law() -> None:
        answer = decoded(await bars_of(await filled()))
        assert floats_in(answer["data"]) == []

    asyncio.run(law())
