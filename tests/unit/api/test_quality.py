"""What an answer says of its own completeness is what the ids prove."""

import asyncio
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tape import BASE, BTC, BYBIT, MINUTE, FixedClock, Market, ms, trade

from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion
from cloud_marketdata.api.schemas import ProfileAnswer
from cloud_marketdata.domain.values import NS_PER_MS


async def profile(market: Market, start_ms: int, end_ms: int) -> ProfileAnswer:
    return await market.queries.volume_profile(
        ProfileQuestion(
            venue=market.instrument.venue,
            symbol=market.instrument.symbol,
            start=ms(BASE + start_ms * NS_PER_MS),
            end=ms(BASE + end_ms * NS_PER_MS),
        )
    )


@given(
    st.sets(st.integers(0, 299), min_size=2),
    st.sets(st.integers(1, 299), max_size=8),
    st.booleans(),
)
def test_missing_ids_are_told_to_the_last_one(kept: set[int], cuts: set[int], save: bool) -> None:  # noqa: FBT001 - a drawn value
    """Trade n happens in second n; whichever are left out, the gaps count just these."""

    async def law() -> None:
        market = await Market().open()
        ids = sorted(kept)
        for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), 300], strict=True):
            await market.append([trade(at, at * 1000) for at in ids if low <= at < high])
        if save:
            await market.save()
        quality = (await profile(market, 0, 300_000)).meta.quality
        missing = ids[-1] - ids[0] + 1 - len(ids)
        assert sum(gap.missing or 0 for gap in quality.gaps) == missing
        assert (quality.gaps_total == 0) == (missing == 0)
        # Time before the first and after the last known trade is unproven, and so are the gaps.
        span = (ids[-1] - ids[0]) * 1000 + 1
        assert quality.coverage is not None
        assert Decimal(str(quality.coverage)) <= Decimal(span) / 300_000
        if not missing:
            assert quality.coverage == span * 10**6 // 300_000 / 10**6

    asyncio.run(law())


def test_gap_carries_its_times_ids_and_count() -> None:
    async def law() -> None:
        market = await Market().open()
        await market.append([trade(10, 0), trade(11, 59_000)])
        await market.append([trade(15, 61_000), trade(16, 100_000)])
        await market.save(BASE + MINUTE)
        quality = (await profile(market, 0, 120_000)).meta.quality
        (gap,) = quality.gaps
        at = BASE // NS_PER_MS
        assert (gap.start, gap.end) == (at + 59_000, at + 61_001)
        assert (gap.missing, gap.after_id, gap.before_id) == (3, 11, 15)
        # 100.001 s lie between the first and the last trade, 2.001 s of them in the gap.
        assert quality.coverage == (100_001 - 2_001) * 10**6 // 120_000 / 10**6

    asyncio.run(law())


def test_edges_are_proven_by_the_trades_beyond_them() -> None:
    async def law() -> None:
        market = await Market().open()
        await market.append([trade(1, -50_000), trade(2, 30_000), trade(3, 170_000)])
        for save in (False, True):
            if save:
                await market.save(BASE)
            for start, end in ((0, 60_000), (29_999, 30_500), (-49_000, 169_000), (31_000, 32_000)):
                answer = await profile(market, start, end)
                assert answer.meta.quality.coverage == 1.0, (save, start, end)
            assert (await profile(market, 120_000, 180_000)).meta.quality.coverage == 0.833350

    asyncio.run(law())


def test_hole_between_a_range_and_its_neighbour_counts() -> None:
    async def law() -> None:
        market = await Market().open()
        await market.append([trade(1, -10_000), trade(5, 10_000)])
        quality = (await profile(market, 0, 20_000)).meta.quality
        assert [gap.missing for gap in quality.gaps] == [3]
        assert quality.coverage == 0.0

    asyncio.run(law())


def test_future_is_not_held_against_a_range() -> None:
    async def law() -> None:
        clock = FixedClock(BASE + 30_000 * NS_PER_MS)
        market = await Market(clock=clock).open()
        await market.append([trade(1, 0), trade(2, 29_999)])
        assert (await profile(market, 0, 3_600_000)).meta.quality.coverage == 1.0
        later = await profile(market, 60_000, 120_000)
        assert later.meta.quality.coverage is None
        assert later.meta.quality.reasons == ["the range has not begun"]

    asyncio.run(law())


def test_venue_without_contiguous_ids_gets_no_coverage_but_a_reason() -> None:
    async def law() -> None:
        market = await Market(BYBIT).open()
        await market.append([trade(1, 0, instrument=BYBIT), trade(900, 5, instrument=BYBIT)])
        quality = (await profile(market, 0, 60_000)).meta.quality
        assert quality.coverage is None
        assert quality.gaps == []
        assert "bybit-linear" in quality.reasons[0]

    asyncio.run(law())


def test_age_is_that_of_the_newest_trade_inside() -> None:
    async def law() -> None:
        market = await Market(clock=FixedClock(BASE + 5 * MINUTE)).open()
        await market.append([trade(1, 0), trade(2, 1_234), trade(3, 200_000)])
        quality = (await profile(market, 0, 60_000)).meta.quality
        assert quality.as_of == "2024-08-08T23:58:01.234Z"
        assert quality.staleness_ms == 300_000 - 1_234

    asyncio.run(law())


def test_hole_inside_a_closed_hour_is_told_to_the_minute() -> None:
    async def law() -> None:
        market = await Market().open()
        ids = [n for n in range(400) if n not in {100, 101}]
        await market.append([trade(n, (n - 200) * 1000 - 7_200_000) for n in ids])
        await market.save(BASE)
        quality = (await profile(market, -2 * 86_400_000, 0)).meta.quality
        (gap,) = quality.gaps
        assert gap.missing == 2
        assert gap.end - gap.start <= 60_001

    asyncio.run(law())


def test_flat_candles_stand_between_known_trades_only() -> None:
    async def law() -> None:
        market = await Market().open()
        await market.append([trade(1, -70_000, price=616_999), trade(2, 130_000, price=617_005)])
        await market.save(BASE + 2 * MINUTE)
        question = CandlesQuestion(
            venue=BTC.venue,
            symbol=BTC.symbol,
            start=ms(BASE),
            end=ms(BASE + 6 * MINUTE),
            fill="flat",
        )
        data = (await market.queries.candles(question)).data
        assert [(candle.close, candle.volume, candle.empty) for candle in data] == [
            ("61699.9", "0.000", True),
            ("61699.9", "0.000", True),
            ("61700.5", "0.001", False),
        ]
        assert [candle.vwap for candle in data] == [None, None, "61700.500000000"]
        assert [candle.final for candle in data] == [True, True, False]

    asyncio.run(law())
