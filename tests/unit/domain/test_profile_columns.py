"""Columns say what the rows one by one say, and give way where 64 bits would not do."""

from collections import Counter

from domain_strategies import law
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.columns import Columns, summed

TOP = (1 << 63) - 1
cells = st.lists(st.integers(-5, 1 << 40), min_size=6, max_size=6).filter(any)
tables = st.dictionaries(st.one_of(st.integers(0, 40), st.integers(0, 1 << 55)), cells, max_size=12)


def by_hand(parts):
    total = {}
    for part in parts:
        for row, values in part.items():
            old = total.get(row, [0] * 6)
            total[row] = [a + b for a, b in zip(old, values, strict=True)]
    return {row: total[row] for row in sorted(total) if any(total[row])}


@law
@given(st.lists(tables, max_size=6))
def test_a_sum_of_columns_is_the_sum_row_by_row_whether_dense_or_sparse(parts):
    total = summed([Columns.of_cells(part) for part in parts])
    assert list(total.cells().items()) == list(by_hand(parts).items())


@law
@given(tables, st.integers(1, 9))
def test_wide_columns_are_the_sums_of_the_rows_inside(table, factor):
    wide = [{row // factor: values} for row, values in table.items()]
    assert Columns.of_cells(table).coarsened(factor).cells() == by_hand(wide)


@law
@given(st.lists(st.integers(-TOP, TOP), min_size=1, max_size=8))
def test_a_sum_is_right_or_refused_near_the_end_of_64_bits(values):
    parts = [Columns.of_cells({7: [value, 1, 0, 0, 0, 0]}) for value in values]
    total = summed(parts)
    if total is None:
        assert sum(map(abs, values)) + len(values) > TOP // 2
    else:
        assert total.cells()[7][0] == sum(values)


def test_an_integer_beyond_64_bits_has_no_columns():
    assert Columns.of_cells({1: [1 << 63, 0, 0, 0, 0, 0]}) is None
    assert Columns.of_cells({1 << 63: [1, 0, 0, 0, 0, 0]}) is None


def test_a_coarse_row_that_would_overflow_is_refused():
    two = Columns.of_cells({0: [TOP, 0, 0, 0, 0, 0], 1: [1, 0, 0, 0, 0, 0]})
    assert two.coarsened(2) is None
    assert Counter(two.coarsened(1).cells()) == two.cells()
