import random
from statistics import median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.robust import FadingMean, PageHinkley, RollingMedian

S = 1_000_000_000
MINUTE = 60 * S


def test_the_change_that_river_documents_is_found_at_the_same_value():
    """Its documentation: change detected at index 1006, input value 5."""
    rng = random.Random(12345)  # noqa: S311  # a seed repeats
    stream = rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)
    test = PageHinkley()

    found = [(at, value) for at, value in enumerate(stream) if test.add(value)]

    assert found == [(1006, 5)]


@given(st.lists(st.floats(-20, 20), min_size=30, max_size=80))
def test_a_mirrored_series_changes_in_the_mirrored_direction(series):
    test, mirrored = PageHinkley(), PageHinkley()

    assert [test.add(x) for x in series] == [-mirrored.add(-x) for x in series]


def test_a_level_that_stays_never_changes():
    rng, test = random.Random(3), PageHinkley()  # noqa: S311  # a seed repeats

    assert not any(test.add(rng.gauss(0, 0.05)) for _ in range(20_000))


def test_nothing_is_found_before_there_is_enough():
    test = PageHinkley()

    assert not any(test.add(x) for x in [0.0, *[1000.0] * 28])


seconds = st.lists(
    st.tuples(st.integers(1, 200), st.integers(-1000, 1000)), min_size=1, max_size=60
)


@given(seconds)
def test_the_baseline_is_that_of_the_window_before_the_running_minute(steps):
    rolling, taken, time = RollingMedian(minutes=5), {}, 10**12
    for step, value in steps:
        time += step * S
        rolling.add(time, value)
        start = time // MINUTE
        inside = [v for t, v in taken.items() if start - 5 <= t // MINUTE < start]
        assert rolling.count == len(inside)
        if inside:
            assert rolling.median == median(inside)
            assert rolling.mad == median(abs(v - rolling.median) for v in inside)
        taken[time] = value


def test_the_later_value_of_a_second_counts():
    rolling = RollingMedian()
    for time, value in ((0, 5), (S // 2, 7), (S, 9), (MINUTE, 0)):
        rolling.add(time, value)

    assert (rolling.median, rolling.count) == (8.0, 2)


def test_a_score_is_in_standard_deviations_of_a_normal_distribution():
    rng, rolling = random.Random(1), RollingMedian()  # noqa: S311  # a seed repeats
    for second in range(3601):
        rolling.add(second * S, round(rng.gauss(500, 100)))

    assert rolling.score(1100, 1.0) == pytest.approx(6, abs=0.4)
    assert rolling.score(-100, 1.0) == pytest.approx(-6, abs=0.4)


def test_where_nothing_moves_the_floor_is_the_deviation():
    rolling = RollingMedian()
    for second in range(120):
        rolling.add(second * S, 40)

    assert rolling.score(44, 2.0) == pytest.approx(0.6745 * 2)


def test_wild_values_do_not_bend_the_baseline():
    rolling = RollingMedian()
    for second in range(601):
        rolling.add(second * S, 10**9 if second % 10 == 0 else second % 7)

    assert rolling.median == 3
    assert rolling.mad == 2


def test_a_week_of_seconds_needs_no_more_room_than_two_hours():
    rng, rolling, sizes = random.Random(2), RollingMedian(), []  # noqa: S311  # a seed repeats
    for second in range(7 * 86_400):
        if second < 7_200 or second > 7 * 86_400 - 7_200:
            rolling.add(second * S, rng.randrange(1000))
        if second in (7_199, 7 * 86_400 - 1):
            sizes.append(len(msgspec.msgpack.encode(rolling)))

    assert sizes[1] <= sizes[0] * 1.05


def test_a_value_counts_half_after_a_half_life():
    fading = FadingMean(half_life=10)
    fading.add(0, 0)
    fading.add(10 * S, 3)

    assert fading.weight == pytest.approx(1.5)
    assert fading.mean == pytest.approx(2)


@given(st.floats(-1e6, 1e6), st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_the_mean_of_a_constant_is_the_constant(value, steps):
    fading, time = FadingMean(half_life=600), 0
    for step in steps:
        time += step * S
        fading.add(time, value)

    assert fading.mean == pytest.approx(value)
    assert fading.deviation == pytest.approx(0, abs=abs(value) * 1e-9)


def test_a_score_of_a_fading_mean_is_in_standard_deviations():
    rng, fading = random.Random(9), FadingMean(half_life=2000)  # noqa: S311  # a seed repeats
    for second in range(20_000):
        fading.add(second * S, rng.gauss(5, 2))

    assert fading.score(17, 1e-9) == pytest.approx(6, abs=0.5)


def test_irregular_arrivals_fade_by_time_and_not_by_number():
    fading = FadingMean(half_life=60)
    for at in range(1000):
        fading.add(at, 1.0)
    fading.add(3600 * S, 0.0)

    assert fading.mean < 1e-12


@pytest.mark.parametrize("made", [RollingMedian(), FadingMean(half_life=60.0), PageHinkley()])
def test_what_was_stored_goes_on_as_if_it_had_not_been(made):
    rng, kind = random.Random(4), type(made)  # noqa: S311  # a seed repeats
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=kind)
    for second in range(400):
        value = rng.randrange(10_000)
        for state in (made, copy):
            state.add(value) if isinstance(state, PageHinkley) else state.add(second * S, value)
        copy = msgspec.msgpack.decode(msgspec.msgpack.encode(copy), type=kind)

    assert msgspec.msgpack.encode(copy) == msgspec.msgpack.encode(made)
