"""Trade ids that grow by one, folded in the order of the log into runs and holes.

A jump opens a hole; whatever comes later inside a hole is a repair; what stays open is missing to
the last id. Consecutive ids only lengthen the newest run, so a clean tape costs next to nothing.
At most a thousand holes are watched. The lowest one is forgotten first: its row stays as it is, a
count tells of it, and a trade that still comes for it is taken for a repeat.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.sheet import Layer, Marks, Row, Sheet

MOST_HOLES: Final = 1_000
_COMPLETE, _MISSING, _REPAIRED = (
    CoverageState.COMPLETE,
    CoverageState.MISSING,
    CoverageState.REPAIRED,
)


class Segment(Struct):
    """Neighbouring ids of one state.

    first, last: the earliest and latest match time inside. Those of a hole are the times of the
    trades before and after it, and a repair reaches to them too: nothing is missing in between.
    """

    low: int
    high: int
    state: CoverageState
    first: int
    last: int

    def widen(self, time: int) -> None:
        """Hold a match time too."""
        if time > self.last:
            self.last = time
        if time < self.first:
            self.first = time


class IdRuns:
    """The segments that may still change: the newest and oldest run, holes and repairs beside them.

    `watched` holds the holes and the repairs that touch one, ascending.
    """

    def __init__(self, rows: Iterable[Row], marks: Marks) -> None:
        segments = sorted(map(_segment, rows), key=lambda one: one.low)
        runs = [one for one in segments if one.state is _COMPLETE]
        self.newest = runs[-1] if runs else None
        self.oldest = runs[0] if runs else None
        self.watched = [one for one in segments if one.state is not _COMPLETE]
        self.low_time, self.high_time = marks.low_time, marks.high_time
        self.forgotten, self.repeats = marks.forgotten, marks.repeats
        self._open = sum(one.state is _MISSING for one in segments)
        self._changed: dict[int, Segment] = {}
        self._gone: set[int] = set()

    def extend(self, trades: Sequence[TradeEvent]) -> None:
        """Take trades in the order of the log."""
        coming = iter(trades)
        odd = self._lengthen(self.newest, coming) if self.newest else next(coming, None)
        if odd is not None:
            self.add(odd.sequence, odd.exchange_time)
            for trade in coming:
                self.add(trade.sequence, trade.exchange_time)

    def add(self, number: int, time: int) -> None:
        """Take one trade."""
        if self.newest is None or self.oldest is None:
            self.newest = self.oldest = self._run(number, time)
            self.low_time = self.high_time = time
        elif number > self.newest.high:
            self._ahead(self.newest, number, time)
        elif number < self.oldest.low:
            self._behind(self.oldest, number, time)
        else:
            self._fill(number, time)

    def holes(self) -> list[Segment]:
        """Return the holes that are watched, ascending."""
        return [one for one in self.watched if one.state is _MISSING]

    def write(self, sheet: Sheet) -> None:
        """Put all that has changed since the last time on the sheet."""
        for low in self._gone:
            sheet.drop(f"{Layer.TAPE}:{low}")
        watched = {one.low for one in self.watched}
        for one in self._changed.values():
            still = one is self.newest or one is self.oldest or one.low in watched
            sheet.put(_row(one, still=still))
        self._changed.clear()
        self._gone.clear()

    def _lengthen(self, newest: Segment, coming: Iterator[TradeEvent]) -> TradeEvent | None:
        """Take trades while their ids go on by one; return the first whose id does not.

        Nearly every trade of a life passes here, so it costs a few comparisons.
        """
        high, first, last, time = newest.high, newest.first, newest.last, self.high_time
        odd = None
        for trade in coming:
            if trade.sequence != high + 1:
                odd = trade
                break
            high += 1
            time = trade.exchange_time
            if time > last:
                last = time
            elif time < first:
                first = time
        if high != newest.high:
            newest.high, newest.first, newest.last, self.high_time = high, first, last, time
            self._changed[newest.low] = newest
        return odd

    def _ahead(self, newest: Segment, number: int, time: int) -> None:
        if number > newest.high + 1:
            self._changed[newest.low] = newest
            hole = Segment(newest.high + 1, number - 1, _MISSING, self.high_time, time)
            self.newest = self._run(number, time)
            self._watch(hole)
        else:
            newest.high = number
            newest.widen(time)
            self._changed[newest.low] = newest
        self.high_time = time

    def _behind(self, oldest: Segment, number: int, time: int) -> None:
        if number < oldest.low - 1:
            self._changed[oldest.low] = oldest
            hole = Segment(number + 1, oldest.low - 1, _MISSING, time, self.low_time)
            self.oldest = self._run(number, time)
            self._watch(hole)
        else:
            self._drop(oldest)
            oldest.low = number
            oldest.widen(time)
            self._keep(oldest)
        self.low_time = time

    def _run(self, number: int, time: int) -> Segment:
        run = Segment(number, number, _COMPLETE, time, time)
        self._keep(run)
        return run

    def _watch(self, hole: Segment) -> None:
        self._keep(hole)
        self.watched.insert(self._place(hole.low) + 1, hole)
        self._open += 1
        self._bound()

    def _fill(self, number: int, time: int) -> None:
        at = self._place(number)
        hole = self.watched[at] if at >= 0 else None
        if hole is None or hole.state is not _MISSING or number > hole.high:
            self.repeats += 1
            return
        patch = Segment(number, number, _REPAIRED, time, time)
        parts = [patch]
        if hole.low < number:
            parts.insert(0, Segment(hole.low, number - 1, _MISSING, hole.first, time))
        else:
            patch.widen(hole.first)
        if number < hole.high:
            parts.append(Segment(number + 1, hole.high, _MISSING, time, hole.last))
        else:
            patch.widen(hole.last)
        self._open += len(parts) - 2
        self._replace(at, at + 1, parts)
        self._join(self.watched.index(patch, at))
        self._bound()

    def _join(self, at: int) -> None:
        """Make one of a repair and those that touch it; let it go where no hole is beside it."""
        first, last = at, at
        if at and _touch(self.watched[at - 1], self.watched[at], _REPAIRED):
            first -= 1
        if at + 1 < len(self.watched) and _touch(self.watched[at], self.watched[at + 1], _REPAIRED):
            last += 1
        parts = self.watched[first : last + 1]
        if len(parts) > 1:
            whole = Segment(parts[0].low, parts[-1].high, _REPAIRED, parts[0].first, parts[0].last)
            for part in parts:
                whole.widen(part.first)
                whole.widen(part.last)
            self._replace(first, last + 1, [whole])
        self._let_go(first)

    def _let_go(self, at: int) -> None:
        """Stop to watch a repair that no hole touches any more."""
        if not 0 <= at < len(self.watched) or self.watched[at].state is not _REPAIRED:
            return
        around = self.watched[max(0, at - 1) : at + 2]
        if not any(_touch(one, two, _MISSING) for one, two in pairwise(around)):
            del self.watched[at]

    def _bound(self) -> None:
        while self._open > MOST_HOLES:
            at = next(i for i, one in enumerate(self.watched) if one.state is _MISSING)
            hole = self.watched.pop(at)
            self._changed[hole.low] = hole
            self._open -= 1
            self.forgotten += 1
            for near in (at, at - 1):
                if 0 <= near < len(self.watched):
                    self._changed[self.watched[near].low] = self.watched[near]
                    self._let_go(near)

    def _place(self, number: int) -> int:
        return bisect_right(self.watched, number, key=lambda one: one.low) - 1

    def _replace(self, start: int, end: int, parts: Sequence[Segment]) -> None:
        for old in self.watched[start:end]:
            self._drop(old)
        for part in parts:
            self._keep(part)
        self.watched[start:end] = parts

    def _keep(self, segment: Segment) -> None:
        self._changed[segment.low] = segment
        self._gone.discard(segment.low)

    def _drop(self, segment: Segment) -> None:
        self._changed.pop(segment.low, None)
        self._gone.add(segment.low)


def _touch(one: Segment, two: Segment, state: CoverageState) -> bool:
    """Whether they are neighbours, one of them a repair and the other one of this state."""
    return one.high + 1 == two.low and {one.state, two.state} == {_REPAIRED, state}


def _segment(row: Row) -> Segment:
    low, high = row.low, row.high
    assert low is not None, "a row of the tape has ids"
    assert high is not None, "a row of the tape has ids"
    return Segment(low, high, row.state, row.first, row.last)


def _row(one: Segment, *, still: bool) -> Row:
    count = None if one.state is _COMPLETE else one.high - one.low + 1
    return Row(
        Layer.TAPE,
        str(one.low),
        one.first,
        one.last,
        one.state,
        open=still,
        low=one.low,
        high=one.high,
        trades=count,
    )
