import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.sketch import ACCURACY, RollingSketch, Sketch

HOUR = 3_600_000_000_000
values = st.lists(st.integers(1, 10**24), min_size=1, max_size=60)
shares = st.sampled_from([0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0])


def sketched(taken: list[int]) -> Sketch:
    sketch = Sketch()
    for value in taken:
        sketch.add(value)
    return sketch


@given(values, shares)
def test_a_quantile_is_within_one_percent_of_the_sorted_value(taken, share):
    exact = sorted(taken)[int(share * (len(taken) - 1))]

    told = sketched(taken).quantile(share)

    assert told is not None
    assert abs(told - exact) <= exact * ACCURACY * 1.000001 + 0.5


@given(values, values, values)
def test_the_sketch_of_a_union_is_the_sum_of_the_sketches_in_any_order(first, second, third):
    one, other = sketched(first), sketched(third)
    one.merge(sketched(second))
    one.merge(sketched(third))
    other.merge(sketched(first))
    other.merge(sketched(second))

    assert one.bins == other.bins == sketched(first + second + third).bins
    assert one.count == len(first) + len(second) + len(third)


@pytest.mark.parametrize("value", [0, -5])
def test_a_value_that_is_not_positive_is_refused(value):
    with pytest.raises(ValueError, match="math domain"):
        Sketch().add(value)


def test_an_empty_sketch_tells_nothing():
    assert Sketch().quantile(0.5) is None
    assert Sketch().quantiles((0.1, 0.9)) == []


@given(values, st.integers(1, 10**24))
def test_what_is_told_to_be_above_a_value_is_above_it(taken, value):
    above = sketched(taken).above(value)

    assert sum(v > value * 1.0203 for v in taken) <= above <= sum(v > value for v in taken)


@given(values, st.integers(1, 1000), shares)
def test_a_finer_grid_moves_every_quantile_by_its_factor(taken, factor, share):
    exact = sorted(taken)[int(share * (len(taken) - 1))] * factor

    told = sketched(taken).rescaled(factor).quantile(share)

    assert told is not None
    assert abs(told - exact) <= exact * 2.1 * ACCURACY + 0.5


def arrivals(hours: int, seed: int = 5) -> Iterator[tuple[int, int]]:
    rng = random.Random(seed)  # noqa: S311  # a seed repeats
    for hour in range(hours):
        for minute in range(0, 60, 5):
            yield hour * HOUR + minute * HOUR // 60, int(rng.lognormvariate(10, 2)) + 1


def test_a_rolling_sketch_holds_the_running_hour_and_the_23_before_it():
    rolling = RollingSketch()
    taken = list(arrivals(100))

    for at, (time, value) in enumerate(taken):
        rolling.add(time, value)
        inside = [v for t, v in taken[: at + 1] if t // HOUR > time // HOUR - 24]
        if at % 50 == 0:
            assert rolling.whole().bins == sketched(inside).bins
            assert rolling.count == len(inside)


def test_hours_without_a_value_are_forgotten_too():
    rolling = RollingSketch(hours=3)
    for time, value in ((0, 5), (HOUR, 6), (3 * HOUR, 7), (9 * HOUR, 8)):
        rolling.add(time, value)

    assert rolling.whole().bins == sketched([8]).bins


def test_what_comes_late_counts_in_the_running_hour():
    rolling = RollingSketch()
    rolling.add(5 * HOUR, 10)
    rolling.add(4 * HOUR, 20)

    assert rolling.count == 2
    assert not rolling.over


def test_a_rolling_sketch_that_was_stored_goes_on_as_if_it_had_not_been():
    straight, stored = RollingSketch(), RollingSketch()
    for at, (time, value) in enumerate(arrivals(60)):
        straight.add(time, value)
        if at % 7 == 0:
            stored = msgspec.msgpack.decode(msgspec.msgpack.encode(stored), type=RollingSketch)
        stored.add(time, value)

    assert msgspec.msgpack.encode(stored) == msgspec.msgpack.encode(straight)


def test_a_week_needs_no_more_room_than_two_days():
    rolling, sizes = RollingSketch(), []
    for time, value in arrivals(168):
        rolling.add(time, value)
        if time % (48 * HOUR) == 47 * HOUR:
            sizes.append(len(msgspec.msgpack.encode(rolling)))

    assert sizes[-1] < sizes[0] * 1.1


def test_a_finer_grid_keeps_the_hours_apart():
    rolling = RollingSketch(hours=2)
    rolling.add(0, 100)
    rolling.add(HOUR, 300)
    finer = rolling.rescaled(10)
    finer.add(2 * HOUR, 5000)

    told = finer.whole().quantiles((0.0, 1.0))

    assert [round(value, -2) for value in told] == [3000, 5000]
