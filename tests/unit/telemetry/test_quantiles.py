"""A quantile of a histogram is the true one, within 5 % in PromQL and within 2.5 % here."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.telemetry.histogram import BOUNDS, Histogram, merged

RATIO = 1.049
seconds = st.floats(BOUNDS[0] / RATIO * 1.0001, BOUNDS[-1])
shares = st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0])
WITHIN = 0.025
WITHIN_IN_PROMQL = 0.05


def observed(durations) -> Histogram:
    histogram = Histogram()
    for duration in durations:
        histogram.observe(duration)
    return histogram


def exact(durations, share: float) -> float:
    """Return the smallest duration that so many do not exceed."""
    return sorted(durations)[math.ceil(share * len(durations)) - 1]


def by_promql(histogram: Histogram, share: float) -> float:
    """Return what `histogram_quantile` makes of it: a straight line between two bounds."""
    rank, below = share * histogram.count, 0
    for upper, lower, count in zip(BOUNDS, (0.0, *BOUNDS), histogram.counts, strict=False):
        if below + count >= rank and count:
            return lower + (upper - lower) * (rank - below) / count
        below += count
    return BOUNDS[-1]


def test_bounds_are_geometric_from_a_tenth_of_a_millisecond_to_a_minute():
    assert BOUNDS[0] == 100e-6
    assert 60 < BOUNDS[-1] < 66
    assert all(above / below == pytest.approx(RATIO, rel=1e-4) for below, above in pairwise(BOUNDS))


@given(st.lists(seconds, min_size=1, max_size=300), shares)
def test_a_quantile_is_within_two_and_a_half_percent_of_the_exact_one(durations, share):
    told = observed(durations).quantile(share)

    assert told == pytest.approx(exact(durations, share), rel=WITHIN)


# The first bucket begins at zero in PromQL.
@given(st.lists(st.floats(BOUNDS[0] * 1.0001, BOUNDS[-1]), min_size=1, max_size=300), shares)
def test_a_quantile_by_promql_is_within_five_percent_of_the_exact_one(durations, share):
    told = by_promql(observed(durations), share)

    assert told == pytest.approx(exact(durations, share), rel=WITHIN_IN_PROMQL)


@given(st.lists(seconds, min_size=1, max_size=50), st.lists(seconds, max_size=50))
def test_what_came_since_is_what_was_not_there_before(before, after):
    histogram = observed(before)
    then = histogram.copy()
    for duration in after:
        histogram.observe(duration)

    since = histogram.since(then)
    assert since.counts == observed(after).counts
    assert merged([then, since]).counts == histogram.counts
    assert histogram.count == len(before) + len(after)


@given(seconds, st.integers(1, 1000))
def test_one_that_stands_for_many_is_counted_as_often(duration, times):
    many = Histogram()
    many.observe(duration, times)
    assert many.counts == observed([duration] * times).counts
    assert many.total == pytest.approx(duration * times)


def test_a_clock_that_steps_back_is_no_negative_duration():
    histogram = observed([-1.0])
    assert (histogram.counts[0], histogram.total) == (1, 0.0)


def test_what_takes_longer_than_a_minute_is_told_as_the_last_bound():
    assert observed([4000.0]).quantile(0.99) == BOUNDS[-1]


def test_without_observations_there_is_no_quantile():
    assert Histogram().quantile(0.5) is None
