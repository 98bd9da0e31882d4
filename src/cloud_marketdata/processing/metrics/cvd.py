"""Cumulative volume delta: the sum of delta since a reset, broken wherever trades may be missing.

A sum is never carried over a gap: a gap that is not proven filled ends a segment, and the next one
counts from the bar in which the gap ends. So two points of one segment differ by exactly what was
traded between them, as long as every later one is `complete`, which a bar with a gap in it is not.
Points stand at the end of bars. Deltas are lots, times ns.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

from msgspec import Struct

from cloud_marketdata.domain.values import Timeframe


class Policy(StrEnum):
    """When the sum begins anew.

    session: at 00:00 UTC. anchor: at one time. rolling: it holds the last so many minutes.
    none: never, it counts from the oldest trade that is known.
    """

    SESSION = "session"
    ANCHOR = "anchor"
    ROLLING = "rolling"
    NONE = "none"


class Reset(Struct, frozen=True):
    """A policy with its parameter: `anchor` is a time, `length` that of a rolling sum."""

    policy: Policy = Policy.SESSION
    anchor: int = 0
    length: int = 0

    def of(self, start: int, end: int) -> int:
        """Return from when the sum at the end of a bar counts."""
        if self.policy is Policy.SESSION:
            return Timeframe.D1.floor(start)
        return end - self.length if self.policy is Policy.ROLLING else self.anchor


class Step(NamedTuple):
    """The delta of one bar, or of all that was traded from `start` to `end`."""

    start: int
    end: int
    delta: int


class Point(NamedTuple):
    """The sum at the end of a bar; None for a bar before the anchor.

    reset_at: from when the policy counts. since: from when the sum really does, behind the last
    gap. segment: how many times it had to begin anew since the reset. complete: no gap in the bar.
    """

    cvd: int | None
    reset_at: int
    since: int
    segment: int
    complete: bool


class Gaps:
    """Where trades may be missing, on the grid of a timeframe's bars.

    A gap breaks the sum at the bar in which it begins and at the bar in which it ends.
    """

    def __init__(self, gaps: Iterable[tuple[int, int]], frame: Timeframe) -> None:
        self._gaps = merged_gaps(gaps)
        edges = {frame.floor(edge) for start, end in self._gaps for edge in (start, end - 1)}
        self._breaks = sorted(edges)

    def last_break(self, upto: int) -> int:
        """Return the last break at or before a time, or 0."""
        at = bisect_right(self._breaks, upto)
        return self._breaks[at - 1] if at else 0

    def breaks(self, after: int, upto: int) -> int:
        """Count the breaks behind a time, up to another one."""
        return max(0, bisect_right(self._breaks, upto) - bisect_right(self._breaks, after))

    def touch(self, start: int, end: int) -> bool:
        """Whether a gap overlaps [start, end)."""
        at = bisect_left(self._gaps, (end, end))
        return at > 0 and self._gaps[at - 1][1] > start


def merged_gaps(gaps: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the time of all gaps as disjoint ones that do not touch, ascending."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(gaps):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        elif start < end:
            made.append((start, end))
    return made


def cvd(steps: Sequence[Step], reset: Reset, gaps: Gaps) -> list[Point]:
    """Sum the deltas of disjoint steps, ascending; a point for each of them.

    What was traded between a point's `since` and the first step must be a step of its own.
    """
    starts = [step.start for step in steps]
    sums = [0, *accumulate(step.delta for step in steps)]
    return [
        _point(number, steps[number], (starts, sums), reset, gaps) for number in range(len(steps))
    ]


def _point(
    number: int, step: Step, known: tuple[list[int], list[int]], reset: Reset, gaps: Gaps
) -> Point:
    starts, sums = known
    reset_at = reset.of(step.start, step.end)
    since = max(reset_at, gaps.last_break(step.start))
    return Point(
        cvd=None if step.start < since else sums[number + 1] - sums[bisect_left(starts, since)],
        reset_at=reset_at,
        since=since,
        segment=gaps.breaks(reset_at, step.start),
        complete=not gaps.touch(step.start, step.end),
    )
