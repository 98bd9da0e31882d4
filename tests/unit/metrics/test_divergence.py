import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.divergence import (
    LENGTH,
    Divergence,
    Swing,
    of_bar,
    of_swing,
)

swings = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(-9, 9), st.integers(0, 1)).map(
        lambda drawn: Swing(max(drawn[:2]), min(drawn[:2]), drawn[2], drawn[3])
    ),
    min_size=6,
    max_size=12,
)


@pytest.mark.parametrize(
    ("bar", "found"),
    [
        ((10, 12, -1), Divergence.UP_ON_SELLING),
        ((12, 10, 1), Divergence.DOWN_ON_BUYING),
        ((10, 12, 1), None),
        ((10, 10, -5), None),
        ((12, 10, 0), None),
    ],
)
def test_a_bar_diverges_where_price_and_delta_part(bar, found):
    assert of_bar(*bar) is found


def test_nothing_is_said_before_twenty_bars_have_closed():
    now = Swing(99, 98, -5, 0)
    assert of_swing([Swing(1, 0, 0, 0)] * (LENGTH - 1), now) is None
    assert of_swing([Swing(1, 0, 0, 0)] * LENGTH, now) == (Divergence.HIGHER_HIGH,)


def test_sums_of_different_segments_are_not_compared():
    before = [Swing(1, 0, 0, "monday")] * LENGTH
    assert of_swing(before, Swing(99, 98, -5, "tuesday")) == ()


def test_of_equally_high_bars_the_last_one_is_compared():
    before = [Swing(9, 0, 50, 0), Swing(9, 0, 10, 0)]
    assert of_swing(before, Swing(10, 1, 20, 0), length=2) == ()
    assert of_swing(before[::-1], Swing(10, 1, 20, 0), length=2) == (Divergence.HIGHER_HIGH,)
    lows = [Swing(9, 3, 5, 0), Swing(9, 3, 50, 0)]
    assert of_swing(lows, Swing(8, 2, 20, 0), length=2) == ()
    assert of_swing(lows[::-1], Swing(8, 2, 20, 0), length=2) == (Divergence.LOWER_LOW,)


@given(swings)
def test_swings_equal_the_definition(drawn):
    *before, now = drawn
    window = before[-5:]
    found = of_swing(before, now, length=5)
    tops = [swing for swing in window if swing.high == max(one.high for one in window)]
    lows = [swing for swing in window if swing.low == min(one.low for one in window)]
    higher = now.high > tops[-1].high and now.run == tops[-1].run and now.cvd < tops[-1].cvd
    lower = now.low < lows[-1].low and now.run == lows[-1].run and now.cvd > lows[-1].cvd
    assert found == (Divergence.HIGHER_HIGH,) * higher + (Divergence.LOWER_LOW,) * lower
