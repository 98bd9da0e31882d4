"""The coverage ledger of one market: folded once, in the order of the log, from trades and facts.

It is a function of the log up to its two positions, however often the fold stopped and went on, and
whichever of the two streams was read first. What is at or below a position is skipped.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cloud_marketdata.domain.coverage import CoverageState, Covered, Interval
from cloud_marketdata.domain.events import StatusEvent, TradeEvent
from cloud_marketdata.domain.explaining import explained
from cloud_marketdata.domain.facts import BookFacts, TradeFacts
from cloud_marketdata.domain.idruns import IdRuns
from cloud_marketdata.domain.sheet import Changes, Kept, Layer, Marks, Sheet
from cloud_marketdata.domain.values import Venue


class Hole(NamedTuple):
    """Trade ids proven missing. start, end: match times in ns of the trades before and after."""

    ids: range
    start: int
    end: int
    reason: str


class Ledger:
    """Rows of what a store has kept, and all that was folded since.

    A ledger made from the rows of a range can tell of that range and of what is open, no more.
    """

    def __init__(self, venue: Venue, symbol: str, kept: Kept) -> None:
        self.venue = venue
        self.symbol = symbol
        self.trades_at = kept.marks.trades
        self.status_at = kept.marks.status
        self._kept = kept.marks
        self._sheet = Sheet(kept.rows)
        self._runs = IdRuns(self._sheet.find(Layer.TAPE, only_open=True), kept.marks)
        self._trades = TradeFacts(self._sheet, contiguous=venue.contiguous_ids)
        self._book = BookFacts(self._sheet)

    def fold_trades(self, position: int, trades: Sequence[TradeEvent]) -> None:
        """Take a log entry of trades."""
        if position > self.trades_at:
            self.trades_at = position
            if self.venue.contiguous_ids:
                self._runs.extend(trades)

    def fold_facts(self, position: int, facts: Iterable[StatusEvent]) -> None:
        """Take a log entry of status facts."""
        if position > self.status_at:
            self.status_at = position
            for fact in facts:
                self._trades.fold(fact)
                self._book.fold(fact)

    def changes(self) -> Changes | None:
        """Return what a store has to take now, or None where it has everything."""
        self._runs.write(self._sheet)
        rows, gone = self._sheet.changes()
        marks = self._marks()
        if not rows and not gone and marks == self._kept:
            return None
        return Changes(self.venue, self.symbol, marks, rows, gone)

    def saved(self) -> None:
        """Note that a store has taken all of `changes`."""
        self._kept = self._marks()
        self._sheet.saved()

    def intervals(self, covered: Covered) -> list[Interval]:
        """Return what is known of a stream, ascending by start; intervals may overlap."""
        self._runs.write(self._sheet)
        rows = [row for row in self._sheet.rows.values() if row.covered is covered]
        if self.venue.contiguous_ids:
            # There the ids prove where trades are missing; what was told of it only explains it.
            notes = [row for row in rows if row.layer is Layer.GAP]
            rows = list(explained((row for row in rows if row.layer is not Layer.GAP), notes))
        # A store gives the rows in any order, and two of them may tell of the same time.
        rows.sort(key=lambda row: (row.start, row.end, row.key))
        return [row.interval for row in rows if row.start < row.end]

    @property
    def counts(self) -> dict[str, int]:
        """Holes that are no longer watched, and trades that came again although they were here."""
        return {"forgotten": self._runs.forgotten, "repeats": self._runs.repeats}

    @property
    def newest(self) -> tuple[int, int] | None:
        """The highest trade id inside and its match time in ns, where ids grow by one."""
        run = self._runs.newest
        return (run.high, self._runs.high_time) if run else None

    @property
    def book_until(self) -> int:
        """Up to when the book is vouched for and was not lost since, in ns; 0 where it was."""
        now = self._sheet.find(Layer.BOOK, only_open=True)
        return now[-1].last if now and now[-1].state is CoverageState.COMPLETE else 0

    def missing(self) -> list[Hole]:
        """Return the holes that are watched and open, ascending by id."""
        self._runs.write(self._sheet)
        rows = [
            row
            for row in self._sheet.find(Layer.TAPE, only_open=True)
            if row.state is CoverageState.MISSING
        ]
        return [
            Hole(range(row.low, row.high + 1), row.start, max(row.first, row.last), row.reason)
            for row in explained(rows, self._sheet.find(Layer.GAP))
            if row.low is not None and row.high is not None
        ]

    def feared(self) -> dict[str, int]:
        """Return the gaps that were told and not repaired: their ends in ns by the id before."""
        return {row.name: row.last for row in self._sheet.find(Layer.GAP, only_open=True)}

    def _marks(self) -> Marks:
        runs = self._runs
        return Marks(
            self.trades_at,
            self.status_at,
            runs.low_time,
            runs.high_time,
            runs.forgotten,
            runs.repeats,
        )
