"""Any question over any age equals brute force, at the resolution that the answer names."""

import asyncio
from decimal import Decimal

import pytest
from aged import DAY, HOUR, MIDNIGHT, AgedMarket, at_ms, lines
from aging import AT, MANY, AgesBetween, aged, answer, pair, random_of, regular, scattered
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tape import BTC, FixedClock, ms, read_tape, trade

from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion, TradesQuestion
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.times import TimeRange, ceiling
from cloud_marketdata.domain.aggregate import combined
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.storage.embedded import open_embedded


@pytest.fixture(scope="module")
def old() -> AgedMarket:
    return asyncio.run(aged(random_of(7)))


@settings(max_examples=MANY, deadline=None)
@given(st.integers(0, 2**32))
@example(27830)
def test_any_range_of_any_age_equals_brute_force_over_what_it_says_it_answers(seed):
    async def law() -> None:
        random = random_of(seed)
        market = await aged(random)
        for _ in range(6):
            times = scattered(random, 2, MIDNIGHT - 2 * DAY, market.clock.time + HOUR)
            asked = TimeRange(times[0], times[1] + NS_PER_MS)
            reading = await read_tape(market.stores, asked)
            answered = reading.range
            assert lines(combined(reading.parts, Timeframe.D1, 0)) == lines(market.want(*answered))
            # No wider than it must be, and cut where the parts at its ends say.
            for time, got, outward in zip(asked, answered, (Timeframe.floor, up), strict=True):
                finest = market.cut(time)
                assert got in {time, outward(finest, time)}
                assert finest is Timeframe.M1 or got == outward(finest, time)
            assert bool(reading.notes) == (asked != answered)
            assert [p.start for p in reading.pieces[1:]] == [p.end for p in reading.pieces[:-1]]
            assert (reading.pieces[0].start, reading.pieces[-1].end) == answered
            for piece in reading.pieces:
                resolution, tier = piece.source
                if resolution != "trades":
                    frame = Timeframe(resolution)
                    assert (piece.start % frame.ns, piece.end % frame.ns) == (0, 0)
                    # Quiet time belongs to a neighbour, so a piece may reach over the horizon.
                    gone = market.horizons[Timeframe.D1]
                    assert piece.start < gone if tier == "cold" else piece.end > gone

    asyncio.run(law())


def up(frame: Timeframe, time: int) -> int:
    return ceiling(time, frame)


@settings(max_examples=MANY, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(Timeframe), st.sampled_from((3, 20, 1000)))
@example(300, Timeframe.H1, 3)
def test_any_bar_of_any_age_equals_brute_force_or_is_told_to_be_gone(seed, timeframe, limit):
    async def law() -> None:
        random = random_of(seed)
        market = await aged(random)
        times = scattered(random, 2, MIDNIGHT - 2 * DAY, market.clock.time)
        start, end = timeframe.floor(times[0]), ceiling(times[1] + 1, timeframe)
        kept = {
            Timeframe.S1: market.horizons[Timeframe.S1],
            Timeframe.M1: market.horizons[Timeframe.M1],
            Timeframe.H1: market.horizons[Timeframe.H1],
            Timeframe.D1: 0,
        }
        base = max((f for f in kept if timeframe.ns % f.ns == 0), key=lambda f: f.ns)
        since = ceiling(kept[base], timeframe)
        question = CandlesQuestion(
            **AT, start=ms(start), end=ms(end), timeframe=timeframe, limit=limit
        )
        if end <= since:
            with pytest.raises(ResolutionGoneError, match=f"bars of {timeframe} before"):
                await market.queries.candles(question)
            return
        found, answered, cursor = {}, [], None
        while True:
            page = await market.queries.candles(question.model_copy(update={"cursor": cursor}))
            found |= {candle.open_time * NS_PER_MS: candle for candle in page.data}
            answered.append((page.meta.range.start * NS_PER_MS, page.meta.range.end * NS_PER_MS))
            told = any("no longer kept" in reason for reason in page.meta.quality.reasons)
            assert told == (start < since and cursor is None)
            cursor = page.meta.next_cursor
            if cursor is None:
                break
        assert answered[0][0] == max(start, since)
        assert [a for a, _ in answered[1:]] == [b for _, b in answered[:-1]]
        assert answered[-1][1] == end
        wanted = {}
        for at in {timeframe.floor(one.exchange_time) for one in market.logged}:
            if max(start, since) <= at < end:
                wanted[at] = market.want(at, at + timeframe.ns)
        assert sorted(found) == sorted(wanted)
        for at, candle in found.items():
            bar, scale = wanted[at].bar, wanted[at].scale
            assert Decimal(candle.open) == scale.price(bar.open)
            assert Decimal(candle.close) == scale.price(bar.close)
            assert Decimal(candle.high) == scale.price(bar.high)
            assert Decimal(candle.low) == scale.price(bar.low)
            assert Decimal(candle.volume) == scale.size(bar.volume)
            assert Decimal(candle.quote_volume) == scale.quote(bar.quote_volume)
            assert candle.count == bar.count

    asyncio.run(law())


@settings(max_examples=MANY, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 24))
def test_what_is_forgotten_between_two_reads_is_neither_lost_nor_told_twice(seed, after):
    async def law() -> None:
        random = random_of(seed)
        market = await aged(random)
        await market.save(market.clock.time)
        left = [after, seed]
        ports = {"aggregates", "archive", "trades", "log"}
        racing = replace(
            market.stores,
            **{port: AgesBetween(market, getattr(market.stores, port), left) for port in ports},
        )
        times = scattered(random, 2, MIDNIGHT - DAY, market.clock.time)
        reading = await read_tape(racing, TimeRange(times[0], times[1] + NS_PER_MS))
        total = combined(reading.parts, Timeframe.D1, 0)
        assert lines(total) == lines(market.want(*reading.range))
        # Nor did a reading that was torn leave anything behind in the cache.
        again = await read_tape(market.stores, reading.range)
        total = combined(again.parts, Timeframe.D1, 0)
        assert lines(total) == lines(market.want(*again.range))

    asyncio.run(law())


@pytest.mark.parametrize("seed", [1, 2])
def test_embedded_stores_answer_what_memory_answers(seed, tmp_path):
    async def law() -> None:
        clock = FixedClock()
        async with open_embedded(tmp_path, clock) as stores:
            memory = await aged(random_of(seed))
            embedded = await aged(random_of(seed), AgedMarket(BTC, clock, stores))
            random = random_of(seed)
            for _ in range(12):
                question = pair(random, memory)
                told = await answer(memory.queries, question)
                assert await answer(embedded.queries, question) == told

    asyncio.run(law())


@pytest.mark.parametrize("after", range(1, 16))
def test_a_torn_reading_of_settled_time_is_read_again_and_leaves_nothing_in_the_cache(after):
    """Days five and six, and hours of the seventh, while all of them leave the warm tier."""

    async def law() -> None:
        market = await regular()
        asked = TimeRange(MIDNIGHT + 5 * DAY, MIDNIGHT + 7 * DAY + 13 * HOUR)
        torn = AgesBetween(market, market.stores.aggregates, [after, 0], by=8 * DAY)
        racing = replace(market.stores, aggregates=torn)
        for stores in (racing, market.stores):
            reading = await read_tape(stores, asked)
            total = combined(reading.parts, Timeframe.D1, 0)
            assert lines(total) == lines(market.want(*reading.range))

    asyncio.run(law())


def test_an_empty_bar_has_the_close_before_it_and_never_one_behind_it():
    """The day around the bar is closed and stored, but its last trade is younger than the bar."""

    async def law() -> None:
        market = await AgedMarket().open()
        times = (2 * DAY, 4 * DAY + 12 * HOUR, 10 * DAY - HOUR)
        await market.append(
            [trade(n, at_ms(MIDNIGHT + time), 617_000 + n) for n, time in enumerate(times)]
        )
        market.clock.time = MIDNIGHT + 10 * DAY
        await market.age()
        start = MIDNIGHT + 4 * DAY + 8 * HOUR
        span = {"start": ms(start), "end": ms(start + 12 * HOUR)}
        question = CandlesQuestion(**AT, **span, timeframe="4h", fill="flat")
        bars = (await market.queries.candles(question)).data
        assert [bar.close for bar in bars] == ["61700.0", "61700.1", "61700.1"]

    asyncio.run(law())


def test_exact_refuses_what_would_be_answered_for_another_range(old):
    def asked(shift: int, **more: object) -> ProfileQuestion:
        start = MIDNIGHT + DAY + shift
        return ProfileQuestion(**AT, start=ms(start), end=ms(start + DAY), **more)

    widened = asyncio.run(old.queries.volume_profile(asked(HOUR)))
    assert widened.meta.range.start == (MIDNIGHT + DAY) // NS_PER_MS
    assert widened.meta.range.end == (MIDNIGHT + 3 * DAY) // NS_PER_MS
    assert "widened its start to a whole bucket of 1d" in widened.meta.quality.reasons[-1]
    with pytest.raises(ResolutionGoneError, match="1d and its end"):
        asyncio.run(old.queries.volume_profile(asked(HOUR, exact=True)))
    exact = asyncio.run(old.queries.volume_profile(asked(0, exact=True)))
    assert exact.meta.parts[0].model_dump() == {
        "start": (MIDNIGHT + DAY) // NS_PER_MS,
        "end": (MIDNIGHT + 2 * DAY) // NS_PER_MS,
        "resolution": "1d",
        "tier": "cold",
    }


def test_exact_refuses_bars_of_which_some_are_gone(old):
    span = {"start": ms(MIDNIGHT), "end": ms(old.clock.time), "timeframe": "1h"}
    some = asyncio.run(old.queries.candles(CandlesQuestion(**AT, **span)))
    assert some.meta.range.start == old.horizons[Timeframe.H1] // NS_PER_MS
    with pytest.raises(ResolutionGoneError, match="the finest of that time are those of 1d"):
        asyncio.run(old.queries.candles(CandlesQuestion(**AT, **span, exact=True)))


def test_old_raw_trades_are_told_to_be_gone(old):
    question = TradesQuestion(**AT, start=ms(MIDNIGHT), end=ms(MIDNIGHT + DAY))
    page = asyncio.run(old.queries.trades(question))
    assert page.data == []
    assert "are no longer kept" in page.meta.quality.reasons[-1]
