"""Any range of whole minutes is a few nodes of the tree over time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.domain.timetree import LENGTHS, Node, above, cover, most_nodes
from cloud_marketdata.domain.values import Timeframe

MINUTE = Timeframe.M1.ns
ranges = st.builds(
    lambda first, minutes: (first * MINUTE, (first + minutes) * MINUTE),
    st.integers(0, 30_000_000),
    st.one_of(st.integers(0, 3_000), st.integers(0, 3_000_000)),
)


@given(ranges)
def test_the_nodes_of_a_range_touch_each_other_and_fill_it(within):
    start, end = within
    nodes = list(cover(start, end))
    assert [node.start for node in nodes] == [start, *(node.end for node in nodes)][: len(nodes)]
    assert not nodes or nodes[-1].end == end
    assert all(node.length in LENGTHS and not node.start % node.length for node in nodes)


@given(ranges)
def test_no_two_neighbours_could_have_been_one_node(within):
    nodes = list(cover(*within))
    whole = {Node(node.start, longer) for node in nodes for longer in LENGTHS}
    inside = {node for node in whole if within[0] <= node.start and node.end <= within[1]}
    assert all(
        not (node.start <= one.start and one.end <= node.end and one.length < node.length)
        for node in inside
        if not node.start % node.length
        for one in nodes
    )


@given(ranges)
def test_a_range_has_no_more_nodes_than_the_bound_says(within):
    start, end = within
    assert len(list(cover(start, end))) <= most_nodes(end - start)


def test_the_bound_grows_with_the_logarithm_of_the_range():
    day, week, year = (most_nodes(days * Timeframe.D1.ns) for days in (1, 7, 365))
    assert (day, week, year) == (27, 31, 43)


@given(st.integers(0, 10**18))
def test_every_level_has_one_node_around_an_instant_and_it_holds_the_one_below(time):
    nodes = list(above(time))
    assert [node.length for node in nodes] == list(LENGTHS)
    assert all(node.start <= time < node.end for node in nodes)
    assert all(a.start >= b.start and a.end <= b.end for a, b in pairwise(nodes))


def test_an_hour_and_a_day_are_nodes():
    assert {Timeframe.M1.ns, Timeframe.H1.ns, Timeframe.D1.ns} <= set(LENGTHS)


def test_a_range_that_begins_inside_a_minute_is_refused():
    with pytest.raises(ValueError, match="whole minutes"):
        list(cover(1, MINUTE))
