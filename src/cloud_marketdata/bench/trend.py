"""Whether memory grew: medians of the first and the last third of the samples, and their slope.

What a process needs until its bounded memories are full is no leak, so samples from before a
warm-up are left out of both. Pure.
"""

from collections.abc import Sequence
from statistics import linear_regression, median_low
from typing import Final, NamedTuple

from msgspec import Struct

_KIB: Final = 1024
_SAMPLES_MIN: Final = 6


class Sample(NamedTuple):
    """Resident memory in KiB, `at` so many seconds after the start."""

    at: float
    kib: int


class Trend(Struct, frozen=True):
    """MiB at the start, in both thirds and at most; the slope in MiB an hour."""

    samples: int
    begin_mb: int
    first_third_mb: int
    last_third_mb: int
    peak_mb: int
    slope_mb_per_hour: int


def trend(samples: Sequence[Sample], warm_up_s: float) -> Trend:
    """Judge the samples behind the warm-up.

    Raises ValueError where fewer than six are left, which tell nothing.
    """
    warm = [sample for sample in samples if sample.at >= warm_up_s]
    if len(warm) < _SAMPLES_MIN:
        msg = f"{len(warm)} samples after the warm-up of {warm_up_s:.0f} s are too few"
        raise ValueError(msg)
    third = len(warm) // 3
    slope, _ = linear_regression([sample.at for sample in warm], [sample.kib for sample in warm])
    return Trend(
        samples=len(warm),
        begin_mb=samples[0].kib // _KIB,
        first_third_mb=_middle(warm[:third]),
        last_third_mb=_middle(warm[-third:]),
        peak_mb=max(sample.kib for sample in samples) // _KIB,
        slope_mb_per_hour=round(slope * 3600 / _KIB),
    )


def _middle(samples: Sequence[Sample]) -> int:
    return median_low(sample.kib for sample in samples) // _KIB
