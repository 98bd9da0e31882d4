"""Memory over time: the slope of a line is its slope, and what comes before the warm-up is not."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.bench.trend import Sample, trend

MIB = 1024


def line(begin_mb: int, mb_per_hour: int, seconds: int) -> list[Sample]:
    """Return a sample a second of memory that grows evenly."""
    return [
        Sample(float(at), round(begin_mb * MIB + Fraction(mb_per_hour * MIB * at, 3600)))
        for at in range(seconds)
    ]


@given(begin=st.integers(50, 5_000), slope=st.integers(-2_000, 100_000))
def test_the_slope_of_even_growth_is_that_growth_an_hour(begin, slope):
    # A KiB that was rounded weighs little over a minute.
    assert trend(line(begin, slope, 60), 0).slope_mb_per_hour == pytest.approx(slope, abs=3)


@given(
    warm=st.integers(0, 50),
    before=st.lists(st.integers(1, 10**7), min_size=50, max_size=50),
)
def test_what_happens_before_the_warm_up_changes_neither_slope_nor_thirds(warm, before):
    flat = line(100, 0, 200)
    risen = [
        Sample(one.at, before[number] if number < warm else one.kib)
        for number, one in enumerate(flat)
    ]
    judged = trend(risen, warm)
    assert judged.samples == 200 - warm
    assert (judged.slope_mb_per_hour, judged.first_third_mb, judged.last_third_mb) == (0, 100, 100)
    assert judged.peak_mb == max(100, *(kib // MIB for kib in before[:warm] or [0]))


@given(st.randoms())
def test_growth_under_noise_is_seen_in_the_thirds(random):
    noisy = [Sample(at, kib + random.randrange(8 * MIB)) for at, kib in line(100, 36_000, 90)]
    judged = trend(noisy, 0)
    assert judged.last_third_mb - judged.first_third_mb == pytest.approx(600, abs=20)


def test_six_samples_are_enough_and_five_are_not():
    assert trend(line(100, 0, 16), 10).samples == 6
    with pytest.raises(ValueError, match="5 samples after the warm-up of 11 s are too few"):
        trend(line(100, 0, 16), 11)
