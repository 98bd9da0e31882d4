"""Time as intervals of knowledge: what is proven complete, repaired, missing, or not known at all.

A ledger keeps intervals per stream; a question wants its own range cut into pieces without overlap.
Where intervals overlap the worse news wins, and time that no interval covers is unknown.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from heapq import heappop, heappush
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

NOTHING_KNOWN: Final = "nothing is known"


class Covered(StrEnum):
    """The streams whose completeness is kept."""

    TRADES = "trades"
    BOOK = "book"


class CoverageState(StrEnum):
    """What is known of an interval, best first.

    complete: proven, nothing is missing. repaired: something was missing and was filled later.
    unbroken: connected all the time and no sign of a loss, where ids prove nothing.
    unknown: a loss must be feared. missing: a loss is proven.
    """

    COMPLETE = "complete"
    REPAIRED = "repaired"
    UNBROKEN = "unbroken"
    UNKNOWN = "unknown"
    MISSING = "missing"


PROVEN: Final = (CoverageState.COMPLETE, CoverageState.REPAIRED)
# Which of several overlapping intervals is told: a proof beats a mere connection.
_RANK: Final = {
    CoverageState.MISSING: 0,
    CoverageState.UNKNOWN: 1,
    CoverageState.REPAIRED: 2,
    CoverageState.COMPLETE: 3,
    CoverageState.UNBROKEN: 4,
}


class Interval(Struct, frozen=True):
    """What is known of [start, end), in ns.

    low, high: first and last trade id it is about, where ids prove it. trades: how many are missing
    or were repaired, where that is known. found_at, settled_at: when the loss was found and filled.
    """

    start: int
    end: int
    state: CoverageState
    low: int | None = None
    high: int | None = None
    trades: int | None = None
    reason: str = ""
    found_at: int | None = None
    settled_at: int | None = None

    def overlaps(self, start: int, end: int) -> bool:
        """Whether a part of it lies in [start, end)."""
        return max(self.start, start) < min(self.end, end)


def partition(intervals: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """Cut [start, end) into disjoint pieces without a hole, ascending.

    Each piece is cut from the worst interval that covers it, or is unknown where none does.
    """
    pieces: list[Interval] = []
    source: Interval | None = None
    for found, low, high in _swept(sorted(intervals, key=lambda one: one.start), start, end):
        if pieces and found is source:
            pieces[-1] = replace(pieces[-1], end=high)
        elif found is None:
            pieces.append(Interval(low, high, CoverageState.UNKNOWN, reason=NOTHING_KNOWN))
        else:
            pieces.append(replace(found, start=low, end=high))
        source = found
    return pieces


def durations(pieces: Iterable[Interval]) -> Mapping[CoverageState, int]:
    """Return the nanoseconds in each state, all of them named."""
    total = dict.fromkeys(CoverageState, 0)
    for piece in pieces:
        total[piece.state] += piece.end - piece.start
    return total


def _swept(
    waiting: list[Interval], start: int, end: int
) -> Iterator[tuple[Interval | None, int, int]]:
    """Yield the interval that is told, from where and up to where; `waiting` ascends by start."""
    begun: list[tuple[int, int, Interval]] = []
    at, number = start, 0
    while at < end:
        while number < len(waiting) and waiting[number].start <= at:
            one = waiting[number]
            heappush(begun, (_RANK[one.state], number, one))
            number += 1
        while begun and begun[0][2].end <= at:
            heappop(begun)
        until = waiting[number].start if number < len(waiting) else end
        told = begun[0][2] if begun else None
        until = min(until, end, told.end if told else end)
        yield told, at, until
        at = until
