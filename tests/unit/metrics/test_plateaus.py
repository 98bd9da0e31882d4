"""A smoothed ladder is the same whichever way its sums are made; the definition is the oracle."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.processing.metrics.plateaus import KERNEL, _reached, _runs, smoothed

LOTS = st.integers(1, 9) | st.integers(1, 10**12) | st.sampled_from([1 << 60, 1 << 70])
TOTALS = st.dictionaries(st.integers(-40, 40) | st.integers(-500, 500), LOTS, min_size=1)


def walked(traded: dict[int, int]) -> list[tuple[int, int, int]]:
    """Return plateaus as the definition says, row by row."""
    bottom, top = min(traded), max(traded)
    smooth: Counter[int] = Counter()
    for row, lots in traded.items():
        for place, weight in enumerate(KERNEL, row - 2):
            smooth[place] += weight * lots
    found: list[tuple[int, int, int]] = []
    for row in range(bottom, top + 1):
        if found and found[-1][2] == smooth[row]:
            found[-1] = (found[-1][0], row, smooth[row])
        else:
            found.append((row, row, smooth[row]))
    return found


@given(TOTALS)
def test_plateaus_are_those_of_the_definition_walked_row_by_row(traded):
    plateaus = smoothed(traded)
    assert [plateaus.one(at) for at in range(len(plateaus.lots))] == walked(traded)


@given(TOTALS)
def test_a_ladder_too_wide_to_look_at_every_row_gives_the_same(traded):
    plateaus = _runs(*_reached(traded, np.object_))
    assert [plateaus.one(at) for at in range(len(plateaus.lots))] == walked(traded)


@given(TOTALS)
def test_peaks_are_higher_than_both_neighbours_and_valleys_lie_between(traded):
    peaks, valleys = smoothed(traded).peaks()
    steps = [(-1, -1, -1), *walked(traded), (-1, -1, -1)]
    at = [
        n for n in range(1, len(steps) - 1) if steps[n][2] > max(steps[n - 1][2], steps[n + 1][2])
    ]
    assert peaks == [steps[n] for n in at]
    assert valleys == [min(step[2] for step in steps[a:b]) for a, b in pairwise(at)]
