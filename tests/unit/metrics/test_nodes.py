"""Nodes stand out, lie apart, and do not depend on how the profile came about."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.nodes import APART, MOST, MOST_ROWS, nodes
from cloud_marketdata.processing.metrics.shape import shape

ladders = st.dictionaries(st.integers(0, 60), st.integers(0, 50), max_size=40)


def dense(totals):
    """Smooth as the definition says, row by row."""
    bottom, top = min(totals), max(totals)
    kernel = {-2: 1, -1: 2, 0: 3, 1: 2, 2: 1}
    return {
        row: sum(weight * totals.get(row + off, 0) for off, weight in kernel.items())
        for row in range(bottom, top + 1)
    }


def prominence(smooth, row):
    """Walk both ways until something is higher, or the end, behind which nothing traded."""
    bases = []
    for step in (-1, 1):
        at, lowest = row, smooth[row]
        while smooth.get(at, 0) <= smooth[row] and at in smooth:
            lowest = min(lowest, smooth[at])
            at += step
        bases.append(lowest if at in smooth else 0)
    return smooth[row] - max(bases)


@given(ladders)
def test_every_high_node_stands_out_as_much_as_it_says_and_as_much_as_it_must(totals):
    totals = {row: lots for row, lots in totals.items() if lots}
    found = nodes(totals)
    if not totals:
        assert found == ([], [])
        return
    smooth = dense(totals)
    strongest = max(smooth.values())
    for node in found.high:
        assert node.prominence_pct == Fraction(100 * prominence(smooth, node.row), strongest)
        assert node.prominence_pct >= 10
    assert any(smooth[node.row] == strongest for node in found.high)
    assert [smooth[node.row] for node in found.high] == sorted(
        (smooth[node.row] for node in found.high), reverse=True
    )


@given(ladders)
def test_no_other_row_that_stands_out_was_left_away_without_a_stronger_one_near(totals):
    totals = {row: lots for row, lots in totals.items() if lots}
    if not totals:
        return
    smooth, found = dense(totals), nodes(totals)
    high = [node.row for node in found.high]
    assert len(high) <= MOST
    assert all(abs(a - b) >= APART for a in high for b in high if a != b)
    strongest = max(smooth.values())
    for row, lots in smooth.items():
        if 10 * prominence(smooth, row) >= strongest and len(high) < MOST:
            # A plateau may be wide: the chosen row is its middle one.
            assert any(smooth[other] >= lots and abs(other - row) < APART + 60 for other in high)


@given(ladders)
def test_a_low_node_lies_between_two_high_ones_and_is_at_most_half_of_the_smaller(totals):
    totals = {row: lots for row, lots in totals.items() if lots}
    if not totals:
        return
    smooth, found = dense(totals), nodes(totals)
    high = sorted(node.row for node in found.high)
    for node in found.low:
        below = max(row for row in high if row < node.row)
        above = min(row for row in high if row > node.row)
        smaller = min(smooth[below], smooth[above])
        assert 2 * smooth[node.row] <= smaller
        assert smooth[node.row] == min(smooth[row] for row in range(below, above + 1))
        assert min(totals) < node.row < max(totals)


@given(ladders, st.integers(-1000, 1000))
def test_nodes_move_with_the_profile(totals, by):
    moved = nodes({row + by: lots for row, lots in totals.items()})
    assert [node.row - by for node in moved.high] == [node.row for node in nodes(totals).high]


def test_two_hills_and_a_valley():
    hills = {10: 30, 11: 60, 12: 30, 20: 20, 21: 40, 22: 20}
    found = nodes(hills)
    assert [node.row for node in found.high] == [11, 21]
    assert [node.row for node in found.low] == [16]
    assert found.low[0].prominence_pct == 100
    assert shape(10, 22, 11, found) == "B"


def test_a_plateau_counts_by_its_middle_row_and_the_lower_of_two():
    # The kernel makes four equal rows out of six equal ones at the middle.
    flat = dict.fromkeys(range(10), 5)
    assert [node.row for node in nodes(flat).high] == [4]


def test_a_print_far_away_costs_no_more_than_its_rows():
    found = nodes({1: 5, 10**12: 5})
    assert sorted(node.row for node in found.high) == [1, 10**12]
    assert [node.row for node in found.low] == [(4 + 10**12 - 3) // 2]


def test_too_many_rows_are_refused():
    with pytest.raises(ValueError, match="nodes of"):
        nodes(dict.fromkeys(range(MOST_ROWS + 1), 1))


@pytest.mark.parametrize(
    ("poc", "letter"), [(0, "b"), (2, "b"), (3, "D"), (5, "D"), (7, "P"), (9, "P")]
)
def test_the_letter_says_in_which_third_the_point_of_control_is(poc, letter):
    assert shape(0, 9, poc, nodes({0: 1, 9: 1})) in {letter, "B"}
    assert shape(0, 9, poc, nodes({4: 5})) == letter
