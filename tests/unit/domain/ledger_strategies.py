"""Tapes with holes and late fills, and the plain accounts they are compared with."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

from cloud_marketdata.domain.coverage import CoverageState, Covered
from cloud_marketdata.domain.events import StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.sheet import Kept, Marks, Row
from cloud_marketdata.domain.values import NS_PER_MS, Side, Venue

BTC = Instrument(Venue.BINANCE_SPOT, "BTCUSDT", Scale(Decimal("0.01"), Decimal("0.001")))
COMPLETE, REPAIRED, UNBROKEN, UNKNOWN, MISSING = CoverageState
MOST = 40


class Known(NamedTuple):
    """Ids of one state side by side, and the times between which they lie."""

    low: int
    high: int
    state: CoverageState
    start: int
    end: int


def time_of(number: int) -> int:
    """Return the match time of an id: mostly in order, now and then before its predecessor."""
    return (1_000 + 10 * number - 25 * (number % 7 == 3)) * NS_PER_MS


def trade(number: int) -> TradeEvent:
    """Return the trade of an id, which tells its time."""
    time = time_of(number)
    return TradeEvent(BTC, number, 1, 1, Side.BUY, time, time, number)


# Ids in the order of the log, each once: blocks that go on, leave out, and come back later.
@st.composite
def id_orders(draw) -> list[int]:
    """Distinct ids in any order, with long runs in between."""
    left = draw(st.sets(st.integers(0, MOST), max_size=MOST))
    order = []
    while left:
        at = draw(st.sampled_from(sorted(left)))
        for number in range(at, at + draw(st.integers(1, 8))):
            if number in left:
                left.discard(number)
                order.append(number)
    return order


def entries(order: Sequence[int], cuts: Iterable[int]) -> list[list[TradeEvent]]:
    """Cut an order of ids into log entries."""
    edges = sorted({0, len(order), *(cut for cut in cuts if cut < len(order))})
    pieces = [order[a:b] for a, b in pairwise(edges)]
    return [[trade(number) for number in piece] for piece in pieces]


def ledger(venue: Venue = BTC.venue) -> Ledger:
    """Return an empty ledger."""
    return Ledger(venue, BTC.symbol, Kept())


def brute(order: Sequence[int]) -> list[Known]:
    """Say for every id between the lowest and highest whether it came, and whether inside."""
    state: dict[int, CoverageState] = {}
    for number in order:
        inside = bool(state) and min(state) < number < max(state)
        state[number] = REPAIRED if inside else COMPLETE
    found: list[Known] = []
    for number in range(min(state, default=0), max(state, default=-1) + 1):
        of = state.get(number, MISSING)
        if found and found[-1].state is of:
            found[-1] = found[-1]._replace(high=number)
        else:
            found.append(Known(number, number, of, 0, 0))
    return [_timed(known, state) for known in found]


def _timed(known: Known, state: dict[int, CoverageState]) -> Known:
    numbers = list(range(known.low, known.high + 1))
    beside = (known.low - 1, known.high + 1)
    if known.state is MISSING:
        numbers = list(beside)
    elif known.state is REPAIRED:
        numbers += [number for number in beside if state.get(number, MISSING) is not MISSING]
    times = [time_of(number) for number in numbers]
    return known._replace(start=min(times), end=max(times) + NS_PER_MS)


def told(made: Ledger) -> list[Known]:
    """Return what a ledger says of its trade ids, ascending."""
    found = [i for i in made.intervals(Covered.TRADES) if i.low is not None]
    return sorted(Known(i.low, i.high, i.state, i.start, i.end) for i in found)


def at(ms: int) -> int:
    """Return nanoseconds."""
    return ms * NS_PER_MS


def fact(kind: StatusKind, ms: int, **detail: int | str) -> StatusEvent:
    """Return a fact received at `ms`."""
    return StatusEvent(BTC.venue, BTC.symbol, kind, at(ms), dict(detail))


@st.composite
def fact_lists(draw) -> list[StatusEvent]:
    """Facts of any kind in any order, at times that mostly go on."""
    found = []
    now = 1_000
    for kind in draw(st.lists(st.sampled_from(StatusKind), max_size=25)):
        now += draw(st.sampled_from([0, 1, 7, 50, 400, -3]))
        since = now - draw(st.integers(0, 300))
        low = draw(st.integers(0, MOST))
        detail: dict[str, int | str] = {"since_ms": since, "from_ms": since, "to_ms": now}
        detail |= {"after_id": low, "before_id": low + draw(st.integers(1, 9)), "filled": 2}
        detail |= {"trades": draw(st.integers(0, 1)), "reason": draw(st.sampled_from("ab"))}
        detail |= {"book": draw(st.sampled_from(["synced", "stale"]))}
        if kind is StatusKind.BOOK_GAP:
            del detail["since_ms"], detail["reason"]
        found.append(fact(kind, now, **detail))
    return found


class Stored:
    """Rows and marks as any store keeps them."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.marks = Marks()

    def save(self, made: Ledger) -> None:
        """Take what has changed."""
        changes = made.changes()
        if changes is not None:
            for key in changes.gone:
                self.rows.pop(key, None)
            self.rows |= {row.key: row for row in changes.rows}
            self.marks = changes.marks
            made.saved()

    def restarted(self, venue: Venue = BTC.venue) -> Ledger:
        """Return the ledger of a process that knows what is open, and no more."""
        rows = tuple(row for row in self.rows.values() if row.open)
        return Ledger(venue, BTC.symbol, Kept(self.marks, rows))

    def whole(self, venue: Venue = BTC.venue) -> Ledger:
        """Return a ledger that can tell of all time."""
        return Ledger(venue, BTC.symbol, Kept(self.marks, tuple(self.rows.values())))
