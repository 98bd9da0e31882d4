"""How likely counts are by chance: Benford's first digits, and shares against what is usual.

Pure statistics for `wash_like`. With tens of thousands of orders any true law is rejected for a
crumb, so beside each p-value stands how large the departure is.
"""

from collections.abc import Sequence
from math import erfc, exp, log10, sqrt
from typing import Final, NamedTuple

BENFORD: Final = tuple(log10(1 + 1 / digit) for digit in range(1, 10))


class Verdict(NamedTuple):
    """A departure, its test statistic, and the chance of one at least as large."""

    departure: float
    statistic: float
    p: float


def benford(counts: Sequence[int]) -> Verdict:
    """Test nine counts of first digits; the departure is the mean absolute one of the shares.

    Raises ValueError without any count.
    """
    total = sum(counts)
    if not total:
        msg = "no digits to test"
        raise ValueError(msg)
    pairs = list(zip(counts, BENFORD, strict=True))
    chi = sum((count - total * share) ** 2 / (total * share) for count, share in pairs)
    off = sum(abs(count / total - share) for count, share in pairs) / len(BENFORD)
    return Verdict(off, chi, _tail_of_eight(chi))


def excess(count: int, total: int, usual: float) -> Verdict:
    """Test whether `count` of `total` is more than the share `usual`, which is above 0 and below 1.

    The departure is how many times the usual share it is. Normal approximation, one-sided.
    """
    expected = total * usual
    z = (count - expected) / sqrt(expected * (1 - usual)) if total else 0.0
    return Verdict(count / expected if total else 0.0, z, above(z))


def above(z: float) -> float:
    """Return the chance that a standard normal value is above `z`."""
    return erfc(z / sqrt(2)) / 2


def _tail_of_eight(chi: float) -> float:
    """Return the chance that chi-square with eight degrees of freedom is above `chi`."""
    half, term, total = chi / 2, 1.0, 1.0
    for power in range(1, 4):
        term *= half / power
        total += term
    return min(1.0, exp(-half) * total)
