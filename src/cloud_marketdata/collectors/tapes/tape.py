"""Tapes: what trade ids prove about lost, repeated and late trades.

Where ids grow by one a hole is a proven loss, and it stays open until its trades come. Where they
do not, only a broken connection can be feared, and only an overlap disproves the fear. A tape
outlives connections and is restored from the log, so repeats stay known. Pure; it refuses to claim
a loss that nothing proves, and every id or hole that it must forget is counted.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cloud_marketdata.collectors.tapes.gaps import TradeGap, feared, order_of
from cloud_marketdata.collectors.tapes.strands import Strand, Strands
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_S, Venue


class TapeVerdict(NamedTuple):
    """Whether the trade is new, and the gap it revealed, if any.

    `foreign` says that it is no repeat either: its id is old and its time is not, so it counts by
    another id space, such as `@trade` on a tape of `@aggTrade`. `filled` says that it is new, and
    late: it lies inside the tape and not at its end.
    """

    new: bool
    gap: TradeGap | None = None
    foreign: bool = False
    filled: bool = False


class TapeEnd(NamedTuple):
    """Where a stored tape ends: its newest id, and the match time of that trade in ns."""

    id: int | str
    exchange_time: int


NEW: Final = TapeVerdict(new=True)
FILLED: Final = TapeVerdict(new=True, filled=True)
REPEATED: Final = TapeVerdict(new=False)
FOREIGN: Final = TapeVerdict(new=False, foreign=True)
# Ids follow time; one that contradicts it by more than any delay was made by another counter.
_CONTRADICTION: Final = 60 * NS_PER_S
HOLES_MAX: Final = 1_000
# A damaged id would make one hole of all that follows, so a leap needs a second trade behind it.
LEAP_MAX: Final = 10_000_000
IDS_MAX: Final = 131_072
# A busy minute must not push out what an overlap or a restart still needs; past this it may.
BUSY_IDS_MAX: Final = 4 * IDS_MAX
REMEMBERED_NS: Final = 600 * NS_PER_S


class ContiguousTape:
    """Trades whose ids grow by one: a hole is a loss, an old id outside every hole a repeat.

    last: where what is stored ends; the tape goes on behind it.
    holes: ids that were missing when the tape was stored, as disjoint ranges.
    The newest thousand open holes are kept, `forgotten` counts those that had to go. An id that
    leaps by more than ten million is refused as foreign unless the next one continues it.
    """

    def __init__(self, last: TapeEnd | None = None, holes: Iterable[range] = ()) -> None:
        self.last: TradeEvent | TapeEnd | None = last
        self.forgotten = 0
        self._leapt = -1
        self._next = int(last.id) + 1 if last else None
        self._forgotten_upto = -1
        self._holes = sorted(
            (hole for hole in holes if hole and self._next and hole.stop < self._next),
            key=_start,
        )
        self._forget()

    @property
    def holes(self) -> Sequence[range]:
        """The ids that are missing, as ascending, disjoint ranges."""
        return self._holes

    def admit(self, trade: TradeEvent) -> TapeVerdict:
        """Judge one trade that a connection brought."""
        number, expected, last = int(trade.id), self._next, self.last
        if number == expected or expected is None or last is None:
            self.last, self._next = trade, number + 1
            return NEW
        if number < expected:
            return self._late(number, trade.exchange_time)
        if number - expected > LEAP_MAX and number - 1 != self._leapt:
            self._leapt = number
            return FOREIGN
        many, before = number - expected, last.exchange_time
        gap = TradeGap(last.id, number, many, before, trade.exchange_time)
        self._holes.append(range(expected, number))
        self._forget()
        self.last, self._next = trade, number + 1
        return TapeVerdict(new=True, gap=gap)

    def fill(self, trade: TradeEvent) -> TapeVerdict:
        """Judge one trade that was asked for: it is new in an open hole and nowhere else."""
        return FILLED if self._take_from_hole(int(trade.id)) else REPEATED

    def interrupted(self) -> None:
        """Note that no connection brings this tape; the ids will tell what that cost."""

    def lost(self, strand: Strand, others: Sequence[Strand]) -> Sequence[TradeGap]:
        """Return nothing: whatever a lost connection cost is a hole that ids prove."""
        del strand, others
        return ()

    def open(self, gap: TradeGap) -> list[range]:
        """Return the ids of a gap that are still missing, ascending."""
        first, stop = int(gap.after_id) + 1, int(gap.before_id)
        found = (range(max(first, h.start), min(stop, h.stop)) for h in self._holes)
        return [part for part in found if part]

    def missing(self, gap: TradeGap) -> int:
        """Count the ids of a gap that are still missing."""
        # A range that a mad id made can be longer than `len` can tell.
        return sum(part.stop - part.start for part in self.open(gap))

    def forgot(self, gap: TradeGap) -> bool:
        """Whether some of the gap's ids may be missing without being remembered as such."""
        return int(gap.after_id) < self._forgotten_upto

    def _late(self, number: int, time: int) -> TapeVerdict:
        if self._take_from_hole(number):
            return FILLED
        last = self.last
        newest = last.exchange_time if last else 0
        return FOREIGN if time > newest + _CONTRADICTION else REPEATED

    def _take_from_hole(self, number: int) -> bool:
        at = bisect_right(self._holes, number, key=_start) - 1
        if at < 0 or number not in self._holes[at]:
            return False
        hole = self._holes[at]
        halves = (range(hole.start, number), range(number + 1, hole.stop))
        self._holes[at : at + 1] = [half for half in halves if half]
        self._forget()
        return True

    def _forget(self) -> None:
        many = len(self._holes) - HOLES_MAX
        if many > 0:
            self.forgotten += many
            self._forgotten_upto = self._holes[many - 1].stop - 1
            del self._holes[:many]


class SeenTape:
    """Trades whose ids prove no order: a repeat is an id among those remembered.

    recent: what is stored of the last minutes; the tape goes on behind it, and with what a
    connection brings first a loss must be feared, as after every `interrupted`.
    A repeat from a connection ends the fear: that connection already brought a trade we have, and
    from there on it brings everything. (No venue sends history to a new subscriber, so this is a
    second connection that outlived the first.) Ids are kept for ten minutes and at least 131,072
    of them; those that four times that many push out earlier are counted in `forgotten`.
    """

    def __init__(self, recent: Iterable[TradeEvent] = ()) -> None:
        self.last: TradeEvent | None = None
        self.forgotten = 0
        # A plain dict would walk over all it has lost to find its oldest key.
        self._times: OrderedDict[int | str, int] = OrderedDict()
        self._strands = Strands()
        for trade in sorted(recent, key=order_of):
            self._remember(trade)
        self._broken = self.last is not None

    def admit(self, trade: TradeEvent) -> TapeVerdict:
        """Judge one trade that a connection brought."""
        if trade.id in self._times:
            self._broken = False
            return REPEATED
        last, broken = self.last, self._broken
        self._broken = False
        self._remember(trade)
        if last is None or not broken:
            return NEW
        return TapeVerdict(new=True, gap=feared(last, trade))

    def fill(self, trade: TradeEvent) -> TapeVerdict:
        """Judge one trade that was asked for; it says nothing of any connection."""
        if trade.id in self._times:
            return REPEATED
        self._remember(trade)
        return FILLED

    def interrupted(self) -> None:
        """Note that no connection brings this tape; nothing that one brought may come after."""
        self._broken = self.last is not None

    def lost(self, strand: Strand, others: Sequence[Strand]) -> Sequence[TradeGap]:
        """Return the gaps to fear when a connection that brought trades is lost.

        others: what those that go on brought so far; without any the tape is interrupted.
        """
        if not others:
            self.interrupted()
        return self._strands.lose(strand, others)

    def _remember(self, trade: TradeEvent) -> None:
        last, times = self.last, self._times
        if last is None or order_of(trade) >= order_of(last):
            self.last = last = trade
        times[trade.id] = trade.exchange_time
        if len(times) > IDS_MAX:
            self._make_room(last.exchange_time - REMEMBERED_NS)

    def _make_room(self, before: int) -> None:
        oldest = next(iter(self._times))
        young = self._times[oldest] >= before
        if young and len(self._times) <= BUSY_IDS_MAX:
            return
        self.forgotten += young
        del self._times[oldest]


Tape = ContiguousTape | SeenTape


class Restored(NamedTuple):
    """What is stored of a symbol's tape: where it ends, and the ids it lacks.

    Where ids do not grow by one, its newest trades stand for both.
    """

    end: TapeEnd | None = None
    holes: Sequence[range] = ()
    recent: Sequence[TradeEvent] = ()


class Tapes(dict[str, Tape]):
    """The tape of each symbol of a venue; it outlives connections, so repeats stay known."""

    def __init__(self, venue: Venue) -> None:
        super().__init__()
        self._contiguous = venue.contiguous_ids

    def __missing__(self, symbol: str) -> Tape:
        """Start the tape of a symbol of which nothing is stored."""
        return self.restore(symbol, Restored())

    def restore(self, symbol: str, stored: Restored) -> Tape:
        """Begin a symbol's tape behind what is stored of it."""
        if self._contiguous:
            self[symbol] = ContiguousTape(stored.end, stored.holes)
        else:
            self[symbol] = SeenTape(stored.recent)
        return self[symbol]


def _start(hole: range) -> int:
    return hole.start
