"""High and low volume nodes of a profile: where it is thick, and the thin places in between.

The dense ladder is smoothed with the integer kernel 1-2-3-2-1; beyond its ends nothing traded. A
high node is a local maximum that stands out by a tenth of the largest smoothed row and has no
stronger one within five rows. A low node is the lowest place between two neighbouring high ones,
where it falls to half of the smaller one. Of a plateau the middle row counts, the lower of two.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from cloud_marketdata.processing.metrics.plateaus import Plateau, Plateaus, smoothed

PROMINENCE_PCT: Final = 10
APART: Final = 5
LOW_PCT: Final = 50
MOST: Final = 10
MOST_ROWS: Final = 10_000
"""Rows above which nobody means nodes: ask for wider rows."""


class Node(NamedTuple):
    """A row, and by how much of the strongest row it stands out, in percent.

    Of a low node: by how much of the smaller of its high neighbours it falls short.
    """

    row: int
    prominence_pct: Fraction


class Nodes(NamedTuple):
    """At most ten of each, the strongest first."""

    high: list[Node]
    low: list[Node]


def nodes(totals: Mapping[int, int]) -> Nodes:
    """Find the nodes of lots by row; raises ValueError on more than `MOST_ROWS` rows."""
    traded = {row: lots for row, lots in totals.items() if lots}
    if len(traded) > MOST_ROWS:
        msg = f"nodes of {len(traded)} rows, above {MOST_ROWS}"
        raise ValueError(msg)
    if not traded:
        return Nodes([], [])
    plateaus = smoothed(traded)
    peaks = list(_standing_out(plateaus))
    strongest = max(peak.lots for peak, _ in peaks)
    high = _high(peaks, strongest)
    ranked = [Node(peak.middle, Fraction(100 * out, strongest)) for peak, out in high]
    low = _low(plateaus, sorted(peak for peak, _ in high))
    return Nodes(ranked, low[:MOST])


def _standing_out(plateaus: Plateaus) -> Iterable[tuple[Plateau, int]]:
    """Yield the local maxima, ascending, and by how much each stands out on both sides."""
    peaks, valleys = plateaus.peaks()
    lots = [peak.lots for peak in peaks]
    left = _bases(lots, valleys)
    right = reversed(_bases(lots[::-1], valleys[::-1]))
    for one, *bases in zip(peaks, left, right, strict=True):
        if one.lots > max(bases):
            yield one, one.lots - max(bases)


def _high(peaks: Iterable[tuple[Plateau, int]], strongest: int) -> list[tuple[Plateau, int]]:
    """Return the first high nodes with how far each stands out, the strongest first."""
    found = [(one, by) for one, by in peaks if 100 * by >= PROMINENCE_PCT * strongest]
    chosen: list[tuple[Plateau, int]] = []
    for one, by in sorted(found, key=lambda each: (-each[0].lots, each[0].first)):
        if len(chosen) == MOST:
            break
        if all(abs(one.middle - other.middle) >= APART for other, _ in chosen):
            chosen.append((one, by))
    return chosen


def _bases(peaks: Sequence[int], valleys: Sequence[int]) -> list[int]:
    """Return, for each peak, the lowest volume between it and the nearest higher one before it.

    Where there is no higher one it is 0, because beyond the end nothing traded. valleys: the lowest
    volume between each peak and the next.
    """
    bases: list[int] = []
    higher: list[tuple[int, int]] = []
    for lots, valley in zip(peaks, [0, *valleys], strict=True):
        lowest = valley
        while higher and higher[-1][0] <= lots:
            lowest = min(lowest, higher.pop()[1])
        bases.append(lowest if higher else 0)
        higher.append((lots, lowest))
    return bases


def _low(plateaus: Plateaus, peaks: Sequence[Plateau]) -> list[Node]:
    found = []
    for below, above in pairwise(peaks):
        lowest = plateaus.lowest(below, above)
        smaller = min(below.lots, above.lots)
        if 100 * lowest.lots <= LOW_PCT * smaller:
            found.append(Node(lowest.middle, Fraction(100 * (smaller - lowest.lots), smaller)))
    return sorted(found, key=lambda node: (-node.prominence_pct, node.row))
