"""What comes out of the cache is what would be computed, whatever happened in between."""

import asyncio
from decimal import Decimal

import pytest
from aged import DAY, HOUR, MIDNIGHT, AgedMarket, at_ms
from aging import AT, MANY, aged, answer, made, pair, random_of, regular, scattered
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tape import BTC, MINUTE, ms, trade

from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.questions import CandlesQuestion, ProfileQuestion
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.aggregate import combined
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.answers import KeptAnswers
from cloud_marketdata.storage.memory.cache import MemoryCache


@pytest.fixture(scope="module")
def old() -> AgedMarket:
    return asyncio.run(aged(random_of(7)))


@settings(max_examples=MANY, deadline=None)
@given(st.integers(0, 2**32))
@example(100)  # a late trade's minute is forgotten before anybody asks again
def test_an_answer_out_of_the_cache_is_the_one_that_would_be_computed(seed):
    """Late trades, saves, ages and questions in any order; the same questions come again."""

    async def law() -> None:
        random = random_of(seed)
        market = await aged(random)
        asked = [pair(random, market) for _ in range(4)]
        for step in range(12):
            time = market.clock.time
            match random.choice(["late", "late", "save", "age", "ask", "ask", "ask"]):
                case "late":
                    late = scattered(random, 2, time - 9 * DAY, time)
                    trades = [made(random, 20_000 + 10 * step + n, t) for n, t in enumerate(late)]
                    await market.append(trades)
                case "save":
                    await market.save(time)
                case "age":
                    market.clock.time += random.choice((MINUTE, HOUR, 9 * HOUR, 2 * DAY))
                    await market.age()
                case _:
                    question = random.choice(asked)
                    assert await answer(market.queries, question) == await answer(
                        market.fresh(), question
                    )

    asyncio.run(law())


def test_a_kept_answer_says_where_its_days_are_now():
    async def law() -> None:
        market = await regular()
        span = {"start": ms(MIDNIGHT + 5 * DAY), "end": ms(MIDNIGHT + 7 * DAY)}
        question = ProfileQuestion(**AT, **span)
        tiers = []
        for _ in range(3):
            parts = (await market.queries.volume_profile(question)).meta.parts
            tiers.append([(part.resolution, part.tier) for part in parts])
            market.clock.time += 3 * DAY
            await market.age()
        assert tiers == [[("1d", "warm")], [("1d", "cold"), ("1d", "warm")], [("1d", "cold")]]

    asyncio.run(law())


@pytest.mark.parametrize("fill", ["none", "flat"])
def test_questions_about_one_range_do_not_get_each_others_answers(fill):
    async def law() -> None:
        market = await regular()
        # From the first hour that has a hole before it: empty bars need the close of another day.
        span = {"start": ms(MIDNIGHT + 4 * DAY + 8 * HOUR), "end": ms(MIDNIGHT + 7 * DAY)}
        whole = {"start": ms(MIDNIGHT + 4 * DAY), "end": ms(MIDNIGHT + 7 * DAY)}
        bars = [
            CandlesQuestion(**AT, **whole, timeframe=of, fill=fill) for of in ("1d", "4h", "1h")
        ]
        late = CandlesQuestion(**AT, **span, timeframe="4h", fill=fill)
        for question in (*bars, ProfileQuestion(**AT, **whole), late):
            told = await answer(market.queries, question)
            assert told == await answer(market.fresh(), question)
        if fill == "flat":
            [first, *_] = told.data
            close = market.want(0, MIDNIGHT + 4 * DAY + 8 * HOUR).bar.close
            assert (first.empty, Decimal(first.close)) == (True, BTC.scale.price(close))
        hourly = await market.queries.candles(bars[-1])
        assert len([bar for bar in hourly.data if not bar.empty]) == 12
        assert len(hourly.data) == (72 if fill == "flat" else 12)

    asyncio.run(law())


def test_a_day_that_is_closed_late_is_told_as_soon_as_it_is_there():
    """A market that stopped has minutes and hours, but nobody has closed its day yet."""

    async def law() -> None:
        market = await AgedMarket().open()
        at = (BTC.venue, BTC.symbol)
        await market.append([trade(1, at_ms(MIDNIGHT)), trade(2, at_ms(MIDNIGHT + 5 * HOUR))])
        await market.save(MIDNIGHT + 12 * HOUR)
        market.clock.time = MIDNIGHT + 3 * DAY
        await market.stores.aggregates.forget(*at, Timeframe.M1, MIDNIGHT + 2 * DAY)
        question = ProfileQuestion(**AT, start=ms(MIDNIGHT), end=ms(MIDNIGHT + DAY))
        before = await market.queries.volume_profile(question)
        hours = await market.stores.aggregates.find_by_range(
            *at, Timeframe.H1, MIDNIGHT, MIDNIGHT + DAY
        )
        await market.stores.aggregates.save([combined(hours, Timeframe.D1, MIDNIGHT)])
        after = await market.queries.volume_profile(question)
        assert after.data == before.data
        assert [p.resolution for p in before.meta.parts] == ["1h"]
        assert [p.resolution for p in after.meta.parts] == ["1d"]

    asyncio.run(law())


def test_a_hundred_askers_at_once_cost_two_computations_at_most(old):
    async def law() -> None:
        queries = old.fresh()
        start, end = MIDNIGHT - DAY, MIDNIGHT + 5 * DAY
        question = ProfileQuestion(**AT, start=ms(start), end=ms(end))
        answers = await asyncio.gather(*(queries.volume_profile(question) for _ in range(100)))
        assert all(one == answers[0] for one in answers)
        detail = (await queries.answers.pulse()).detail
        assert (detail["misses"], detail["hits"], detail["ratio"]) == (1, 1, 0.5)
        assert detail["bytes"] > 1000

    asyncio.run(law())


def test_a_damaged_entry_of_the_cache_is_a_miss(old):
    class Rot(MemoryCache):
        async def get(self, key: str) -> bytes | None:
            """Return the value with its last byte gone."""
            found = await super().get(key)
            return found and found[:-1]

    async def law() -> None:
        rotten = Rot(old.clock)
        queries = Queries(replace(old.stores, cache=rotten), old.clock, Settings())
        queries.answers = KeptAnswers(rotten, at_hand_bytes=0)
        question = ProfileQuestion(**AT, start=ms(MIDNIGHT), end=ms(MIDNIGHT + 5 * DAY))
        first = await queries.volume_profile(question)
        assert await queries.volume_profile(question) == first
        assert (queries.answers.failures, queries.answers.misses) == (1, 2)

    asyncio.run(law())
