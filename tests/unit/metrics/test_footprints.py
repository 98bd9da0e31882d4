from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.profile import Row, VolumeProfile, merge
from cloud_marketdata.domain.values import Side, Venue
from cloud_marketdata.processing.metrics.exhaustion import exhausted, tapers
from cloud_marketdata.processing.metrics.footprint import BINNINGS, bar_row_ticks, footprint
from cloud_marketdata.processing.metrics.imbalance import Imbalances, Rule, imbalances
from cloud_marketdata.processing.metrics.stacked import After, ZoneState, fate, zones
from cloud_marketdata.processing.metrics.unfinished import Auction, Reach, auction, traded_again

SCALE = Scale(Decimal("0.1"), Decimal("0.001"))
BTC = Instrument(Venue.BINANCE_USDM, "BTCUSDT", SCALE)

trades = st.lists(
    st.tuples(st.integers(1, 120), st.integers(1, 500), st.sampled_from(Side)), max_size=40
)
widths = st.sampled_from((1, 2, 5, 10, 7))
ladders = st.dictionaries(
    st.integers(0, 25), st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=20
)


def row(number: int, buy: int, sell: int) -> Row:
    return Row(number, buy, sell, 0, 0, 1, 1)


def rows_of(*pairs: tuple[int, int]) -> list[Row]:
    """Return rows 0, 1, 2 … of (buy, sell) lots, without those of nothing."""
    return [row(at, *pair) for at, pair in enumerate(pairs) if any(pair)]


def profile(drawn) -> VolumeProfile:
    made = VolumeProfile(SCALE)
    for number, (price, size, side) in enumerate(drawn):
        made.add(TradeEvent(BTC, number, price, size, side, number, 0, number))
    return made


@given(trades, widths, st.sampled_from(sorted(BINNINGS)))
def test_rows_sum_to_the_bar_s_volume_and_delta(drawn, width, binning):
    rows = footprint(profile(drawn), width, binning)
    assert sum(one.total for one in rows) == sum(size for _, size, _ in drawn)
    delta = sum(size if side is Side.BUY else -size for _, size, side in drawn)
    assert sum(one.buy - one.sell for one in rows) == delta
    assert [one.row for one in rows] == sorted({one.row for one in rows})


@given(trades, widths)
def test_floor_rows_are_the_rows_of_the_profile(drawn, width):
    made = profile(drawn)
    assert footprint(made, width) == made.coarsened(width).rows()


@given(trades, widths, st.sampled_from(sorted(BINNINGS)), st.integers(0, 40))
def test_the_footprint_of_two_bars_is_that_of_their_profiles_merged(drawn, width, binning, cut):
    first, second = profile(drawn[:cut]), profile(drawn[cut:])
    assert footprint(merge((first, second)), width, binning) == footprint(
        profile(drawn), width, binning
    )


@pytest.mark.parametrize(("tick", "row"), [(1, 0), (3, 2), (5, 2), (7, 4), (2, 1), (0, 0)])
def test_halves_go_to_the_even_row(tick, row):
    assert BINNINGS["half_even"](tick, 2) == row


@given(st.integers(0, 5000), st.integers(1, 60))
def test_half_even_rows_are_python_s_own_rounding_of_the_quotient(tick, width):
    assert BINNINGS["half_even"](tick, width) == round(Decimal(tick) / width)


@pytest.mark.parametrize("asked", [(0, "floor"), (1, "nearest"), (-3, "floor")])
def test_rows_that_cannot_be_made_are_refused(asked):
    with pytest.raises(ValueError, match="no footprint"):
        footprint(profile([]), *asked)


def test_a_profile_of_wide_rows_makes_no_footprint():
    with pytest.raises(ValueError, match="from 5 ticks"):
        footprint(VolumeProfile(SCALE, 5), 10)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), min_size=1, max_size=20))
def test_the_middle_bar_has_at_most_forty_rows_and_not_needlessly_few(drawn):
    spans = [(low, low + reach) for low, reach in drawn]
    width = bar_row_ticks(spans)
    reach = sorted(reach for _, reach in drawn)[(len(drawn) - 1) // 2]
    assert reach // width < 40
    assert width == 1 or reach // width >= 15


@given(ladders, st.integers(100, 500), st.integers(0, 5) | st.none(), st.booleans())
def test_imbalances_equal_the_definition_over_the_dense_ladder(drawn, ratio, minimum, ignoring):
    rows = [row(at, *pair) for at, pair in sorted(drawn.items()) if any(pair)]
    found = imbalances(rows, Rule(ratio, minimum, ignore_zero=ignoring))
    if not rows:
        assert found == Imbalances((), (), (), ())
        return
    bottom, top = rows[0].row, rows[-1].row
    volume = sum(one.total for one in rows)
    least = max(Decimal(1), Decimal(volume) / 500) if minimum is None else Decimal(minimum)
    dense = [drawn.get(at, (0, 0)) for at in range(top + 1)]

    def bought(at: int) -> bool:
        return dense[at][0] * 100 > dense[at - 1][1] * ratio and dense[at][0] > least

    def sold(at: int) -> bool:
        return dense[at][1] * 100 > dense[at + 1][0] * ratio and dense[at][1] > least

    buy = [at for at in range(bottom + 1, top + 1) if bought(at)]
    sell = [at for at in range(bottom, top) if sold(at)]
    zero_buy = [at for at in buy if not dense[at - 1][1]]
    zero_sell = [at for at in sell if not dense[at + 1][0]]
    if ignoring:
        buy = [at for at in buy if at not in zero_buy]
        sell = [at for at in sell if at not in zero_sell]
    assert tuple(map(list, found)) == (buy, sell, zero_buy, zero_sell)


@given(trades, widths, st.integers(0, 39), st.integers(1, 499))
def test_cutting_a_trade_in_two_changes_no_imbalance(drawn, width, at, part):
    if at >= len(drawn) or drawn[at][1] <= part:
        return
    price, size, side = drawn[at]
    cut = [*drawn[:at], (price, part, side), (price, size - part, side), *drawn[at + 1 :]]
    assert imbalances(footprint(profile(cut), width), Rule()) == imbalances(
        footprint(profile(drawn), width), Rule()
    )


def test_the_ratio_must_be_exceeded():
    exactly = imbalances(rows_of((0, 10), (30, 0), (1, 0)), Rule(minimum=0))
    above = imbalances(rows_of((0, 10), (31, 0), (1, 0)), Rule(minimum=0))
    assert (exactly.buy, above.buy) == ((), (1,))


def test_a_zero_denominator_is_told_apart():
    rows = rows_of((5, 0), (9, 0), (1, 1))
    assert imbalances(rows, Rule()).zero_buy == (1,)
    assert imbalances(rows, Rule()).buy == ()
    assert imbalances(rows, Rule(ignore_zero=False)).buy == (1,)


@given(st.sets(st.integers(0, 20)), st.integers(1, 5))
def test_zones_are_the_longest_runs_of_neighbouring_rows(marked, least):
    found = zones(Imbalances((), tuple(sorted(marked)), (), ()), least)
    covered = Counter(at for zone in found for at in range(zone.first, zone.last + 1))
    for zone in found:
        assert zone.last - zone.first + 1 >= least
        assert zone.first - 1 not in marked
        assert zone.last + 1 not in marked
    assert all(count == 1 and at in marked for at, count in covered.items())
    runs = "".join("x" if at in marked else " " for at in range(22)).split()
    assert len(found) == sum(len(run) >= least for run in runs)


def after(start: int, low: int, high: int, close: int) -> After:
    return After(start, low, high, close)


@pytest.mark.parametrize(
    ("later", "state"),
    [
        ([], ZoneState.FRESH),
        ([after(1, 13, 20, 15)], ZoneState.FRESH),
        ([after(1, 12, 20, 15)], ZoneState.TOUCHED),
        ([after(1, 10, 20, 15)], ZoneState.TOUCHED),
        ([after(1, 9, 20, 15)], ZoneState.FILLED),
        ([after(1, 9, 20, 10)], ZoneState.FILLED),
        ([after(1, 9, 20, 9)], ZoneState.BROKEN),
        ([after(1, 12, 20, 15), after(2, 9, 12, 11), after(3, 7, 9, 8)], ZoneState.BROKEN),
    ],
)
def test_a_zone_of_buys_is_judged_from_above_and_one_of_sells_is_its_mirror(later, state):
    (zone,) = zones(Imbalances((10, 11, 12), (), (), ()))
    assert fate(zone, later).state is state

    (mirror,) = zones(Imbalances((), (-12, -11, -10), (), ()))
    mirrored = [after(bar.start, -bar.high, -bar.low, -bar.close) for bar in later]
    assert fate(mirror, mirrored) == fate(zone, later)


def test_a_fate_says_which_bar_did_it():
    (zone,) = zones(Imbalances((10, 11, 12), (), (), ()))
    told = fate(zone, [after(1, 12, 20, 15), after(2, 9, 12, 11), after(3, 7, 9, 8)])
    assert told[1:] == (1, 2, 3)


def test_buyers_that_thin_out_into_the_high_are_exhausted_once_the_delta_turns():
    rows = rows_of((50, 50), (8, 0), (5, 1), (3, 0))
    assert exhausted(rows, Side.BUY, at_extreme=10, total=9)
    assert not exhausted(rows, Side.BUY, at_extreme=10, total=10)
    assert not exhausted(rows, Side.BUY, at_extreme=0, total=-9)
    assert not tapers(rows, Side.SELL)


def test_a_tenth_of_the_largest_row_is_little_enough():
    assert tapers(rows_of((20, 50), (8, 0), (5, 1), (3, 4)), Side.BUY)


@given(ladders)
def test_exhaustion_at_a_low_is_the_mirror_of_that_at_a_high(drawn):
    rows = [row(at, *pair) for at, pair in sorted(drawn.items()) if any(pair)]
    mirrored = [row(-one.row, one.sell, one.buy) for one in reversed(rows)]
    assert tapers(rows, Side.BUY) == tapers(mirrored, Side.SELL)


@pytest.mark.parametrize(
    "rows",
    [
        rows_of((50, 50), (8, 0), (8, 1), (3, 0)),  # not strictly falling
        rows_of((20, 50), (8, 0), (5, 1), (3, 5)),  # 8 of 70 is too much
        rows_of((1, 1)),
        [],
    ],
)
def test_what_does_not_taper(rows):
    assert not tapers(rows, Side.BUY)


def test_an_unfinished_auction_is_a_fact_about_both_sides():
    rows = rows_of((0, 3), (4, 4), (5, 1))
    assert auction(rows) == Auction(both_sides_at_high=True, both_sides_at_low=False)
    assert auction(rows, at_least=5) == Auction(both_sides_at_high=False, both_sides_at_low=False)
    assert auction([]) == Auction(both_sides_at_high=False, both_sides_at_low=False)


def test_it_is_resolved_by_the_first_bar_that_trades_there_again():
    later = [Reach(1, 4, 6), Reach(2, 5, 9), Reach(3, 7, 8)]
    assert traded_again(7, later) == 2
    assert traded_again(10, later) is None
