"""A point of control is naked until a trade comes back to it or passes over it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.naked import Control, PassingBar, filled_by

tapes = st.lists(st.integers(-4, 4), min_size=1, max_size=30)


def bars_of(prices, width):
    bars = []
    for start in range(0, len(prices), width):
        inside = prices[start : start + width]
        bar = PassingBar(start, start + width, min(inside), max(inside), inside[-1])
        bars.append(bar)
    return bars


@given(tapes, st.integers(-4, 4), st.integers(1, 5))
def test_bars_find_the_very_bar_in_which_brute_force_over_the_tape_finds_the_touch(
    prices, close, width
):
    touch = None
    for at, (before, price) in enumerate(zip([close, *prices], prices, strict=False)):
        if price == 0 or before * price < 0:
            touch = at
            break
    found = filled_by(Control(0, close), bars_of(prices, width))
    assert (found and found.start) == (None if touch is None else touch // width * width)


@given(tapes, st.integers(-4, 4), st.integers(1, 5))
def test_whoever_wants_a_close_beyond_waits_for_a_bar_that_closes_on_the_other_side(
    prices, close, width
):
    bars = bars_of(prices, width)
    side, want = close, None
    for bar in bars:
        if side * bar.close < 0:
            want = bar
            break
        side = bar.close or side
    assert filled_by(Control(0, close), bars, "close_beyond") == want


def test_nothing_that_trades_elsewhere_fills_it():
    assert filled_by(Control(0, 3), bars_of([3, 2, 1, 1, 5], 2)) is None


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="no rule"):
        filled_by(Control(0, 1), [], "half")
