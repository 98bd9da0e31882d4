"""One profile over venues: the exact sum of what each says alone, in any order."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tape import BTC
from two_venues import BOTH, BYBIT, SPAN, Two, profile, tape, unequally_aged

from cloud_marketdata.api.composite.qualities import MIXED, worst
from cloud_marketdata.api.composite.questions import (
    CompositeProfileQuestion,
)
from cloud_marketdata.api.questions import ProfileQuestion
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.profile import merge
from cloud_marketdata.domain.quality import Gap, Quality
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe, Venue


@pytest.fixture(scope="module")
def two() -> Two:
    return asyncio.run(Two().fill(tape(BTC, 1), tape(BYBIT, 2)))


def test_the_whole_is_the_sum_of_the_venues_to_the_digit_in_rows_and_in_totals(two):
    data = profile(two, row_ticks=50).data
    for field in ("volume", "buy", "sell", "delta", "quote_volume"):
        parts = [Decimal(getattr(one, field)) for one in data.by_venue.values()]
        assert sum(parts) == Decimal(getattr(data, field)), field
    assert sum(one.count for one in data.by_venue.values()) == data.count
    for row in data.rows:
        for field in ("buy", "sell"):
            assert sum(Decimal(getattr(one, field)) for one in row.by_venue.values()) == Decimal(
                getattr(row, field)
            )
        assert sum(one.buy_count for one in row.by_venue.values()) == row.buy_count
        assert row.by_venue


def test_every_venue_is_told_in_the_rows_of_the_whole_also_where_its_own_would_be_narrower():
    narrow = [replace(one, price=617_000 + one.price % 2) for one in tape(BTC, 1)]
    data = profile(asyncio.run(Two().fill(narrow, tape(BYBIT, 2)))).data
    assert data.row_ticks > 1
    for field in ("buy", "sell"):
        for row in data.rows:
            shares = [Decimal(getattr(one, field)) for one in row.by_venue.values()]
            assert sum(shares) == Decimal(getattr(row, field))
    assert Decimal(data.by_venue["binance-usdm"].poc.volume) <= Decimal(data.poc.volume)


@pytest.mark.parametrize("row_ticks", [None, 1, 100])
def test_the_order_in_which_venues_are_named_changes_no_byte(two, row_ticks):
    names = BOTH.split(",")
    there, back = (
        profile(two, ",".join(order), row_ticks=row_ticks) for order in (names, names[::-1])
    )
    assert there.model_dump_json() == back.model_dump_json()


def test_the_whole_is_brute_force_over_the_raw_trades_of_both(two):
    data = profile(two, row_ticks=1).data
    both = [(one.instrument.scale, one) for one in (*tape(BTC, 1), *tape(BYBIT, 2))]
    volume: dict[Decimal, Decimal] = {}
    for scale, one in both:
        price = scale.price(one.price)
        volume[price] = volume.get(price, Decimal(0)) + scale.size(one.size)
    assert data.tick == "0.1"
    rows = {Decimal(row.low): Decimal(row.buy) + Decimal(row.sell) for row in data.rows}
    assert rows == volume
    assert Decimal(data.poc.volume) == max(volume.values())
    quote = sum(scale.quote(one.price * one.size) for scale, one in both)
    assert Decimal(data.quote_volume) == quote


def test_each_venue_says_in_the_composite_what_it_says_alone(two):
    answer = profile(two)
    for venue, market in (("binance-usdm", two.first), ("bybit-linear", two.second)):
        question = ProfileQuestion(venue=venue, symbol="BTCUSDT", **SPAN)
        alone = asyncio.run(market.queries.volume_profile(question))
        mine = answer.data.by_venue[venue]
        for field in ("volume", "buy", "sell", "delta", "quote_volume", "high", "low"):
            assert Decimal(getattr(mine, field)) == Decimal(getattr(alone.data, field)), field
        assert mine.count == alone.data.count
        assert mine.quality == alone.meta.quality


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(range(5)), min_size=1, max_size=5, unique=True), st.integers(0, 9))
def test_profiles_of_different_grids_merge_alike_in_any_order(order, seed):
    made = []
    for number, instrument in enumerate((BTC, BYBIT, BTC, BYBIT, BTC)):
        whole = Aggregate(instrument, Timeframe.D1, 0)
        for one in tape(instrument, seed + number, 30):
            whole.add(one)
        made.append(whole.profile)
    chosen = [made[at] for at in order]
    straight = [made[at] for at in sorted(order)]
    assert merge(chosen).to_bytes() == merge(straight).to_bytes()


def test_the_quality_of_the_whole_is_that_of_its_worst_part(two):
    answer = profile(two)
    quality = answer.meta.quality
    assert quality.sources == ["binance-usdm", "bybit-linear"]
    # Bybit's ids prove nothing, so neither does the whole.
    assert quality.coverage is None
    assert any(reason.startswith("bybit-linear: ") for reason in quality.reasons)
    parts = [one.quality for one in answer.data.by_venue.values()]
    assert quality.staleness_ms == max(one.staleness_ms for one in parts)
    assert answer.meta.method["clock"]


def test_the_worst_of_qualities_is_as_bad_as_any_in_every_field():
    good = Quality(9, 1, 1.0, reconciled="exact", repaired=1)
    bad = Quality(5, 7, 0.5, (Gap(1, 2, 3),), late=2, reconciled="mismatch", reasons=("r",))
    both = worst({Venue.BINANCE_SPOT: good, Venue.BINANCE_USDM: bad})
    assert (both.as_of, both.staleness_ms, both.coverage) == (5, 7, 0.5)
    assert (both.reconciled, both.late, both.repaired) == ("mismatch", 2, 1)
    assert both.gaps == bad.gaps
    assert both.reasons == ("binance-usdm: r", MIXED)
    nothing = worst({Venue.BINANCE_SPOT: good, Venue.BYBIT_SPOT: Quality(None, None, None)})
    assert (nothing.as_of, nothing.staleness_ms, nothing.coverage) == (None, None, None)


def test_a_range_inside_minutes_is_answered_alike_for_all_or_refused():
    async def made() -> Two:
        return await Two().fill(tape(BTC, 1), tape(BYBIT, 2))

    two = asyncio.run(made())
    inside = {"start": SPAN["start"] + 10_500, "end": SPAN["start"] + 200_250}
    question = CompositeProfileQuestion(venues=BOTH, symbol="BTCUSDT", **inside, exact=True)
    answer = asyncio.run(two.queries.volume_profile(question))
    assert (answer.meta.range.start, answer.meta.range.end) == (inside["start"], inside["end"])
    wanted = [
        one
        for one in (*tape(BTC, 1), *tape(BYBIT, 2))
        if inside["start"] <= one.exchange_time // NS_PER_MS < inside["end"]
    ]
    assert answer.data.count == len(wanted)
    starts = [part.start for part in answer.meta.parts]
    assert starts[0] == inside["start"]
    assert answer.meta.parts[-1].end == inside["end"]


def test_a_range_that_one_venue_can_only_cut_more_coarsely_is_widened_for_all():
    two = asyncio.run(unequally_aged())
    inside = {"start": SPAN["start"] + 30_000, "end": SPAN["start"] + 90_000}
    question = CompositeProfileQuestion(venues=BOTH, symbol="BTCUSDT", **inside)
    answer = asyncio.run(two.queries.volume_profile(question))
    hour = Timeframe.H1.ns // NS_PER_MS
    assert answer.meta.range.start == inside["start"] // hour * hour
    assert answer.meta.range.end == -(-inside["end"] // hour) * hour
    wanted = [
        one
        for one in (*tape(BTC, 1), *tape(BYBIT, 2))
        if answer.meta.range.start <= one.exchange_time // NS_PER_MS < answer.meta.range.end
    ]
    assert answer.data.count == len(wanted)
    assert any("widened its start" in reason for reason in answer.meta.quality.reasons)
    with pytest.raises(ResolutionGoneError, match="exact=true"):
        asyncio.run(two.queries.volume_profile(question.model_copy(update={"exact": True})))
