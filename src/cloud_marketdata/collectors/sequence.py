"""Continuity: what a venue's ids prove about lost, repeated and reordered messages.

Three book rules, each a function of the local update id and the next delta, numbered like the
venue's own procedure. Two tape rules for trades. All pure.
"""

from collections import deque
from enum import Enum
from typing import Final, NamedTuple, Protocol

from msgspec import Struct

from cloud_marketdata.domain.events import BookDelta, TradeEvent
from cloud_marketdata.domain.values import NS_PER_S


class Verdict(Enum):
    """What to do with the next delta."""

    APPLY = "apply"
    IGNORE = "ignore"
    GAP = "gap"


class BookRule(Protocol):
    """One venue's continuity rule.

    `snapshot_in_stream` says that snapshots come over the socket, in order with the deltas.
    """

    snapshot_in_stream: bool

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """Judge a delta against a snapshot at `local_id`, before any delta was applied."""
        ...

    def follow(self, local_id: int, delta: BookDelta) -> Verdict:
        """Judge a delta against the one applied before it."""
        ...


class SpotRule:
    """Binance spot. Ids are consecutive, so joining and following are one rule.

    1. `u <= local`: the book has it already, ignore.
    2. `U > local + 1`: something is missing, start over.
    3. Otherwise apply; the snapshot may fall inside the event or exactly between two events.
    """

    snapshot_in_stream = False

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.last_id <= local_id:
            return Verdict.IGNORE
        return Verdict.GAP if delta.first_id > local_id + 1 else Verdict.APPLY

    follow = join


class UsdmRule:
    """Binance USD-M. Ids leap, and only `pu` links one event to the one before.

    1. Joining, `u < L`: older than the snapshot, ignore. `u == L` still is the joining event.
    2. Joining, `pu <= L`: the snapshot falls inside the event or right before it, apply.
       (`U <= L <= u` implies it, and `pu == L` is the case the documented test misses.)
    3. Following, `pu == local`: apply. `u <= local`: a repeat, ignore. Else something is missing.
    """

    snapshot_in_stream = False

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.last_id < local_id:
            return Verdict.IGNORE
        before = delta.first_id if delta.previous_id is None else delta.previous_id
        return Verdict.APPLY if before <= local_id else Verdict.GAP

    def follow(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.previous_id == local_id:
            return Verdict.APPLY
        return Verdict.IGNORE if delta.last_id <= local_id else Verdict.GAP


class BybitRule:
    """Bybit, within one topic: `u` grows by one from the snapshot on; the same `u` is a repeat.

    A lower `u` is no repeat but a counter that began anew: ignoring it would freeze the book.
    """

    snapshot_in_stream = True

    def join(self, local_id: int, delta: BookDelta) -> Verdict:
        """See the class."""
        if delta.last_id == local_id:
            return Verdict.IGNORE
        return Verdict.APPLY if delta.last_id == local_id + 1 else Verdict.GAP

    follow = join


class TradeGap(Struct, frozen=True):
    """A hole in a tape; both ends are trades we have. Times are ns.

    `missing` is the proven number of trades, or None where a broken connection is all that is
    known.
    """

    after_id: int | str
    before_id: int | str
    missing: int | None
    start: int
    end: int


class TapeVerdict(NamedTuple):
    """Whether the trade is new, and the gap it revealed, if any.

    `foreign` says that it is no repeat either: its id is old and its time is not, so it counts by
    another id space, such as `@trade` on a tape of `@aggTrade`.
    """

    new: bool
    gap: TradeGap | None = None
    foreign: bool = False


NEW: Final = TapeVerdict(new=True)
REPEATED: Final = TapeVerdict(new=False)
FOREIGN: Final = TapeVerdict(new=False, foreign=True)
# Ids follow time; one that contradicts it by more than any delay was made by another counter.
_CONTRADICTION: Final = 60 * NS_PER_S
_HOLES_MAX: Final = 1_000
_IDS_MAX: Final = 131_072


class ContiguousTape:
    """Trades whose ids grow by one: a hole is a loss, an old id outside every hole a repeat.

    The open holes are remembered (the newest thousand), so that a late or back-filled trade is
    told from a repeat without remembering every id.
    """

    def __init__(self, last: TradeEvent | None = None) -> None:
        self._last_id = int(last.id) if last else None
        self._last_time = last.exchange_time if last else 0
        self._holes: deque[range] = deque(maxlen=_HOLES_MAX)

    def admit(self, trade: TradeEvent) -> TapeVerdict:
        """Judge one trade."""
        number = int(trade.id)
        last = self._last_id
        if last is None or number == last + 1:
            self._last_id, self._last_time = number, trade.exchange_time
            return NEW
        if number <= last:
            return self._fill(number, trade.exchange_time)
        gap = TradeGap(last, number, number - last - 1, self._last_time, trade.exchange_time)
        self._holes.append(range(last + 1, number))
        self._last_id, self._last_time = number, trade.exchange_time
        return TapeVerdict(new=True, gap=gap)

    def _fill(self, number: int, time: int) -> TapeVerdict:
        for hole in self._holes:
            if number in hole:
                self._holes.remove(hole)
                halves = (range(hole.start, number), range(number + 1, hole.stop))
                self._holes.extend(half for half in halves if half)
                return NEW
        return FOREIGN if time > self._last_time + _CONTRADICTION else REPEATED


class SeenTape:
    """Trades whose ids prove no order: a repeat is an id among the newest ones seen."""

    def __init__(self, last: TradeEvent | None = None) -> None:
        self._seen: dict[int | str, None] = {last.id: None} if last else {}

    def admit(self, trade: TradeEvent) -> TapeVerdict:
        """Judge one trade."""
        if trade.id in self._seen:
            return REPEATED
        self._seen[trade.id] = None
        if len(self._seen) > _IDS_MAX:
            del self._seen[next(iter(self._seen))]
        return NEW


Tape = ContiguousTape | SeenTape
