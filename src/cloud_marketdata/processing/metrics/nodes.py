"""High and low volume nodes of a profile: where it is thick, and the thin places in between.

The dense ladder is smoothed with the integer kernel 1-2-3-2-1; beyond its ends nothing traded. A
high node is a local maximum that stands out by a tenth of the largest smoothed row and has no
stronger one within five rows. A low node is the lowest place between two neighbouring high ones,
where it falls to half of the smaller one. Of a plateau the middle row counts, the lower of two.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

KERNEL: Final = (1, 2, 3, 2, 1)
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


class _Plateau(NamedTuple):
    """Neighbouring rows of one smoothed volume."""

    first: int
    last: int
    lots: int

    @property
    def middle(self) -> int:
        return (self.first + self.last) // 2


def nodes(totals: Mapping[int, int]) -> Nodes:
    """Find the nodes of lots by row; raises ValueError on more than `MOST_ROWS` rows."""
    traded = {row: lots for row, lots in totals.items() if lots}
    if len(traded) > MOST_ROWS:
        msg = f"nodes of {len(traded)} rows, above {MOST_ROWS}"
        raise ValueError(msg)
    if not traded:
        return Nodes([], [])
    plateaus = list(_plateaus(traded))
    strongest = max(plateau.lots for plateau in plateaus)
    high = _high(plateaus, strongest)
    ranked = [Node(peak.middle, Fraction(100 * out, strongest)) for peak, out in high[:MOST]]
    low = _low(plateaus, sorted(peak for peak, _ in high[:MOST]))
    return Nodes(ranked, low[:MOST])


def _plateaus(traded: Mapping[int, int]) -> Iterable[_Plateau]:
    """Yield the smoothed ladder from the lowest to the highest traded row."""
    bottom, top = min(traded), max(traded)
    smooth: Counter[int] = Counter()
    for row, lots in traded.items():
        for place, weight in enumerate(KERNEL, row - len(KERNEL) // 2):
            smooth[place] += weight * lots
    known = [_Plateau(row, row, smooth[row]) for row in sorted(smooth) if bottom <= row <= top]
    run = known[0]
    for one in known[1:]:
        if one.first > run.last + 1:
            yield run
            # A stretch that the kernel does not reach is one plateau, however wide.
            run = _Plateau(run.last + 1, one.first - 1, 0)
        if one.lots == run.lots:
            run = run._replace(last=one.last)
        else:
            yield run
            run = one
    yield run


def _high(plateaus: Sequence[_Plateau], strongest: int) -> list[tuple[_Plateau, int]]:
    """Return the high nodes with how far each stands out, the strongest first."""
    left = _bases(plateaus)
    right = reversed(_bases(list(reversed(plateaus))))
    out = [
        (one, one.lots - max(bases))
        for one, *bases in zip(plateaus, left, right, strict=True)
        if one.lots > max(bases)
    ]
    found = [(one, by) for one, by in out if 100 * by >= PROMINENCE_PCT * strongest]
    chosen: list[tuple[_Plateau, int]] = []
    for one, by in sorted(found, key=lambda each: (-each[0].lots, each[0].first)):
        if all(abs(one.middle - other.middle) >= APART for other, _ in chosen):
            chosen.append((one, by))
    return chosen


def _bases(plateaus: Sequence[_Plateau]) -> list[int]:
    """Return, for each plateau, the lowest volume between it and the nearest higher one before it.

    Where there is no higher one it is 0, because beyond the end nothing traded.
    """
    bases: list[int] = []
    higher: list[tuple[int, int]] = []
    for one in plateaus:
        lowest = one.lots
        while higher and higher[-1][0] <= one.lots:
            lowest = min(lowest, higher.pop()[1])
        bases.append(lowest if higher else 0)
        higher.append((one.lots, lowest))
    return bases


def _low(plateaus: Sequence[_Plateau], peaks: Sequence[_Plateau]) -> list[Node]:
    found = []
    for below, above in pairwise(peaks):
        between = (one for one in plateaus if below.last < one.first and one.last < above.first)
        lowest = min(between, key=lambda one: (one.lots, one.first - one.last, one.first))
        smaller = min(below.lots, above.lots)
        if 100 * lowest.lots <= LOW_PCT * smaller:
            found.append(Node(lowest.middle, Fraction(100 * (smaller - lowest.lots), smaller)))
    return sorted(found, key=lambda node: (-node.prominence_pct, node.row))
