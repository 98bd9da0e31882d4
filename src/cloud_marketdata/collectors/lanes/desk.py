"""What the connections of one symbol share: its tape, its leading book, and what is to be appended.

Several connections may carry a symbol at once: while one relieves another, or always, as twins.
Trades are deduplicated by the one tape. Books differ in their messages from connection to
connection, so each has its own and one of them leads: only its changes reach the log, and when it
is lost another one that is in sync takes over with a snapshot: a loss is told only for the time in
which there was none. Whatever is appended leaves in the order in which it was decided, whichever
connection hands it on. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from cloud_marketdata.collectors.connection.watchdog import Rhythm
from cloud_marketdata.collectors.lanes.delay import Delay
from cloud_marketdata.collectors.tapes.gaps import TradeGap
from cloud_marketdata.collectors.tapes.strands import Strand
from cloud_marketdata.collectors.tapes.tape import Tape, Tapes
from cloud_marketdata.domain.events import (
    BookEvent,
    BookSnapshot,
    StatusEvent,
    StatusKind,
    TradeEvent,
)
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind

_DETAIL = dict[str, int | str]


class Contender(Protocol):
    """A lane, as the desk sees it."""

    book_changed: bool
    synced_at: int
    """Since when its book may be believed without a break, in ns."""

    @property
    def synced(self) -> bool:
        """Whether its book may be believed."""
        ...

    def go_on(self, tape: Tape) -> None:
        """Bring its trades to another tape from now on."""
        ...

    @property
    def strand(self) -> Strand | None:
        """First and last trade of its connection; None while it brings none, as far as is known."""
        ...

    def snapshot(self) -> BookSnapshot:
        """Return its whole book; only where it is in sync."""
        ...

    def tally(self) -> dict[str, int]:
        """Return what was counted on its connection, by name."""
        ...


class Desk:
    """One symbol; it outlives its connections.

    `leader` is the lane whose book is the symbol's book, `speaker` the one that says how it stands:
    the leader, or the last one that was. `gaps` are to be repaired. `heard` is when the newest
    event of a stream was received, in ns; there is none before the first.
    """

    def __init__(self, venue: Venue, symbol: str, tape: Tape) -> None:
        self.venue = venue
        self.symbol = symbol
        self.tape = tape
        self.trades: list[TradeEvent] = []
        self.book: list[BookEvent] = []
        self.gaps: list[TradeGap] = []
        self.rhythms = {StreamKind.TRADES: Rhythm(), StreamKind.BOOK: Rhythm()}
        self.heard: dict[StreamKind, int] = {}
        self.leader: Contender | None = None
        self.speaker: Contender | None = None
        self.switches = 0
        self._lanes: list[Contender] = []
        self._facts: list[StatusEvent] = []
        self._tally: Counter[str] = Counter()
        self.delay = Delay()

    @property
    def brings_trades(self) -> bool:
        """Whether a connection brings trades, as far as is known."""
        return any(lane.strand for lane in self._lanes)

    @property
    def tally(self) -> Counter[str]:
        """What was counted on all connections, those that are gone too."""
        total: Counter[str] = Counter()
        self.add_to(total)
        return total

    def add_to(self, total: Counter[str]) -> None:
        """Add the `tally` to a sum over desks, without making one for each."""
        for part in (self._tally, *(lane.tally() for lane in self._lanes)):
            # Nothing is a count, too: who asks for it by name finds it.
            for name, count in part.items():
                total[name] += count

    def join(self, lane: Contender) -> None:
        """Take a lane in."""
        self._lanes.append(lane)
        self.speaker = self.speaker or lane

    def leave(self, lane: Contender, book_since: int, at: int) -> None:
        """Let a lane go, whose book was last heard at `book_since` (ns, 0 for never)."""
        self._lanes.remove(lane)
        self._tally.update(lane.tally())
        if lane.strand:
            self.trades_ended(lane.strand, at)
        if lane is self.leader:
            since: _DETAIL = {"since_ms": book_since // NS_PER_MS, "reason": "disconnected"}
            self._dethrone(StatusKind.BOOK_LOST, at, since)

    def go_on(self, tape: Tape) -> None:
        """Go on with another tape of the same trades; its connections stay."""
        self.tape = tape
        for lane in self._lanes:
            lane.go_on(tape)

    def trades_ended(self, strand: Strand, at: int) -> None:
        """Note that a lane brings no trades any more, and what it brought until then."""
        others = [lane.strand for lane in self._lanes if lane.strand]
        for gap in self.tape.lost(strand, others):
            self.found(gap, at)
        if not others:
            since = strand.last.received_at // NS_PER_MS
            self.tell(StatusKind.TRADES_LOST, at, {"since_ms": since})

    def found(self, gap: TradeGap, at: int) -> None:
        """Tell of a gap in the tape and have it repaired."""
        self.gaps.append(gap)
        self._tally["trade_gaps"] += 1
        self.tell(StatusKind.TRADE_GAP, at, gap.detail)

    def synced(self, lane: Contender, update_id: int, at: int) -> None:
        """Note that a lane's book may be believed from now on."""
        if self.leader is None:
            self.leader = self.speaker = lane
            self.tell(StatusKind.BOOK_SYNCED, at, {"update_id": update_id})

    def unsynced(self, lane: Contender, kind: StatusKind, at: int, detail: _DETAIL) -> None:
        """Note that a lane's book may not be believed any more, and why."""
        if lane is self.leader:
            self._dethrone(kind, at, detail)

    def tell(self, kind: StatusKind, at: int, detail: _DETAIL) -> None:
        """Have a fact appended."""
        self._facts.append(StatusEvent(self.venue, self.symbol, kind, at, detail))

    def alive(self, at: int) -> None:
        """Tell how the streams stand, so that the ledger may count on them up to now."""
        state = "synced" if self.leader else "waiting"
        self.tell(StatusKind.ALIVE, at, {"trades": int(self.brings_trades), "book": state})

    def take(self) -> Iterable[Batch]:
        """Yield what is to be appended since the last call."""
        yield from self.take_trades()
        if self.book:
            self._measure(StreamKind.BOOK, self.book)
            yield Batch(self._stream(StreamKind.BOOK), self.book[:])
            self.book.clear()
        if self._facts:
            yield Batch(self._stream(StreamKind.STATUS), self._facts[:])
            self._facts.clear()

    def take_trades(self) -> Iterable[Batch]:
        """Yield the trades alone: what is appended beside the desk has to come after them."""
        # Copied and cleared, because the lanes hold on to these very lists.
        if self.trades:
            self._measure(StreamKind.TRADES, self.trades)
            yield Batch(self._stream(StreamKind.TRADES), self.trades[:])
            self.trades.clear()

    def take_gaps(self) -> list[TradeGap]:
        """Return the gaps since the last call."""
        taken, self.gaps = self.gaps, []
        return taken

    def _dethrone(self, kind: StatusKind, at: int, detail: _DETAIL) -> None:
        heir = min((x for x in self._lanes if x.synced), key=_synced_at, default=None)
        self.leader = heir
        good_until = int(detail.get("since_ms", at // NS_PER_MS)) * NS_PER_MS
        if heir is None or heir.synced_at > good_until:
            self.tell(kind, at, detail)
        if heir is None:
            return
        self.switches += 1
        self.speaker = heir
        snapshot = heir.snapshot()
        self.book.append(snapshot)
        heir.book_changed = True
        self.tell(StatusKind.BOOK_SYNCED, at, {"update_id": snapshot.update_id})

    def _measure(self, kind: StreamKind, events: Sequence[TradeEvent | BookEvent]) -> None:
        oldest = events[0]
        self.delay.note(oldest.exchange_time, oldest.received_at)
        self.heard[kind] = events[-1].received_at

    def _stream(self, kind: StreamKind) -> Stream:
        return Stream(self.venue, self.symbol, kind)


def _synced_at(lane: Contender) -> int:
    return lane.synced_at


class Desks(dict[str, Desk]):
    """The desks of a venue by symbol; one that is not there yet is made when it is asked for.

    `counts` is what was counted of the venue beside and before the desks that are there: whoever
    hands it in keeps it.
    """

    def __init__(
        self, venue: Venue, tapes: Tapes | None = None, counts: Counter[str] | None = None
    ) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._venue: Final = venue
        self._tapes = Tapes(venue) if tapes is None else tapes

    @property
    def tally(self) -> Counter[str]:
        """All that was counted, of symbols and connections that are gone too."""
        total = Counter(self.counts)
        for desk in self.values():
            desk.add_to(total)
        return total

    def close(self, symbol: str) -> Desk:
        """Take a desk away, and keep what was counted at it."""
        desk = self.pop(symbol)
        desk.add_to(self.counts)
        return desk

    def end(self) -> None:
        """Take all of them away."""
        for symbol in list(self):
            self.close(symbol)

    def __missing__(self, symbol: str) -> Desk:
        """Open the desk of a symbol."""
        desk = self[symbol] = Desk(self._venue, symbol, self._tapes[symbol])
        return desk
