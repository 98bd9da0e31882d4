"""One symbol on one connection, from decoded event to its desk: validate, deduplicate, follow.

Pure: what is to be appended and asked for lies at the desk; the connection does both.
"""

from collections import Counter

from cloud_marketdata.collectors.lanes.booksync import BookSync
from cloud_marketdata.collectors.lanes.desk import Desk
from cloud_marketdata.collectors.lanes.sequence import BookRule
from cloud_marketdata.collectors.lanes.tickercheck import TickerCheck
from cloud_marketdata.collectors.lanes.validator import why_not_book, why_not_trade
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.tapes.strands import Strand
from cloud_marketdata.collectors.tapes.tape import NEW, Tape
from cloud_marketdata.domain.events import (
    BestQuote,
    BookDelta,
    BookEvent,
    BookSnapshot,
    Rejection,
    StatusKind,
    TapeDoubt,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.storage.ports import BookState, BookView


class Lane:
    """State that dies with its connection; the tape and the choice of books are the desk's.

    `first_trade` and `last_trade` are those of the connection, new ones or not; there are none once
    its trades are proven not to come although it stands.
    """

    def __init__(
        self,
        desk: Desk,
        rule: BookRule,
        rejections: Rejections,
        *,
        levels_asked: int | None = None,
    ) -> None:
        self.desk = desk
        self.symbol = desk.symbol
        self.sync = BookSync(rule, levels_asked)
        self.tickers = TickerCheck()
        self.duplicates = 0
        self.doubts = 0
        self.rejected: Counter[str] = Counter()
        self.book_changed = self.book_lost = False
        self.synced_at = 0
        self.first_trade: TradeEvent | None = None
        self.last_trade: TradeEvent | None = None
        self._admit = desk.tape.admit
        self._trades = desk.trades
        self._seen: BookEvent | None = None
        self._rejections = rejections
        desk.join(self)

    @property
    def instrument(self) -> Instrument | None:
        """The book's instrument as its newest event counts it, or None before any."""
        return self._seen.instrument if self._seen else None

    @property
    def synced(self) -> bool:
        """Whether the book may be believed."""
        return self.sync.state is BookState.SYNCED

    @property
    def strand(self) -> Strand | None:
        """First and last trade, if trades have come and are not proven to have stopped."""
        first, last = self.first_trade, self.last_trade
        return Strand(first, last) if first and last else None

    @property
    def speaks(self) -> bool:
        """Whether this lane tells how the symbol's book stands."""
        return self.desk.speaker is self

    @property
    def trades_heard(self) -> int:
        """When the last trade came, in ns; 0 before the first."""
        return self.last_trade.received_at if self.last_trade else 0

    @property
    def book_heard(self) -> int:
        """When the last book event came, in ns; 0 before the first."""
        return self._seen.received_at if self._seen else 0

    def trade(self, trade: TradeEvent) -> None:
        """Take one decoded trade."""
        reason = why_not_trade(trade)
        if reason is not None:
            self._reject(reason, trade)
            return
        if self.last_trade is None:
            self._begin(trade)
        self.last_trade = trade
        verdict = self._admit(trade)
        if verdict is NEW:
            self._trades.append(trade)
            return
        if verdict.new:
            self._trades.append(trade)
        elif verdict.foreign:
            self._reject("id_of_another_tape", trade)
        else:
            self.duplicates += 1
        if verdict.gap is not None:
            self.desk.found(verdict.gap, trade.received_at)

    def book(self, event: BookSnapshot | BookDelta) -> None:
        """Take one decoded book event."""
        reason = why_not_book(event)
        if reason is not None:
            self._reject(reason, event)
            return
        heard, self._seen = self.book_heard, event
        sync, before, gaps = self.sync, self.sync.state, self.sync.gaps
        applied = sync.receive(event)
        if sync.gaps != gaps:
            # Also where a snapshot joined a buffer that has a hole of its own.
            since = (heard or event.received_at) // NS_PER_MS
            detail: dict[str, int | str] = {"found_at": sync.newest_id, "since_ms": since}
            self._lost(StatusKind.BOOK_GAP, event.received_at, detail)
        elif sync.state is not before and self.synced and sync.book:
            self.synced_at = event.received_at
            self.desk.synced(self, sync.book.update_id, event.received_at)
        if applied:
            self.book_changed = True
            if self.desk.leader is self:
                self.desk.book.extend(applied)
            if sync.book:
                different = self.tickers.different
                self.tickers.reached(sync.book)
                self._believe(different, event.received_at)

    def quote(self, quote: BestQuote) -> None:
        """Take one ticker; one that contradicts the book means that the book is wrong."""
        different = self.tickers.different
        self.tickers.quote(quote, self.sync.book if self.synced else None)
        self._believe(different, quote.received_at)

    def doubt(self, doubt: TapeDoubt) -> None:
        """Take a contradiction between the venue's own hints and its tape."""
        self.doubts += 1
        detail: dict[str, int | str] = {
            "from_ms": doubt.start // NS_PER_MS,
            "to_ms": doubt.end // NS_PER_MS,
            "reason": doubt.reason,
        }
        self.desk.tell(StatusKind.TRADES_DOUBTED, doubt.end, detail)

    def distrust(self, reason: str, at: int) -> None:
        """Fail closed: the book is thrown away and waits for a snapshot."""
        if not self.synced:
            return
        self.sync.distrust()
        detail: dict[str, int | str] = {"reason": reason, "since_ms": self.book_heard // NS_PER_MS}
        self._lost(StatusKind.BOOK_LOST, at, detail)

    def trades_died(self, at: int) -> None:
        """Note the proof that the connection brings no trades although there are some."""
        strand = self.strand
        self.first_trade = self.last_trade = None
        if strand:
            self.desk.trades_ended(strand, at)

    def tally(self) -> dict[str, int]:
        """Return what was counted on this connection, by name."""
        sync, tickers = self.sync, self.tickers
        return {
            "book_gaps": sync.gaps,
            "book_repeats": sync.repeats,
            "book_refreshes": sync.refreshes,
            "book_refreshes_different": sync.refresh_different,
            "book_refreshes_failed": sync.refresh_failed,
            "ticker_equal": tickers.equal,
            "ticker_different": tickers.different,
            "ticker_unknown": tickers.unknown,
            "ticker_dropped": tickers.dropped,
            "duplicates": self.duplicates,
            "doubts": self.doubts,
        }

    def go_on(self, tape: Tape) -> None:
        """Bring the trades to another tape from now on."""
        self._admit = tape.admit

    def leave(self, at: int) -> None:
        """Note that the connection is gone."""
        self.desk.leave(self, self.book_heard, at)

    def snapshot(self) -> BookSnapshot:
        """Return the whole book; only where it is in sync."""
        book = self.sync.book
        assert book is not None, "a book in sync exists"
        return book.snapshot()

    def view(self, levels: int, at: int) -> BookView | None:
        """Return the top of the book as it may be published, or None before any book event."""
        seen, book = self._seen, self.sync.book
        if seen is None:
            return None
        if not self.synced or book is None:
            reason = f"the book is {self.sync.state}: it waits for a snapshot that joins the stream"
            return _unusable(seen, self.sync.state, reason, at)
        if not book.knows(1):
            reason = "the price has left the range that the last snapshot knew; a new one is asked"
            return _unusable(seen, BookState.STALE, reason, at)
        bids, asks = book.top(levels)
        return BookView(
            book.instrument,
            self.sync.state,
            book.update_id,
            book.exchange_time,
            book.received_at,
            bids,
            asks,
            vouched_at=at,
        )

    def _begin(self, trade: TradeEvent) -> None:
        alone = not self.desk.brings_trades
        self.first_trade = self.last_trade = trade
        if alone and not self.desk.venue.contiguous_ids:
            # Where ids prove nothing the ledger counts on connections, from the first word on.
            self.desk.alive(trade.received_at)

    def _believe(self, different: int, at: int) -> None:
        """Believe the venue's ticker rather than our book."""
        if self.tickers.different != different:
            self.distrust("the venue's ticker contradicts it", at)

    def _lost(self, kind: StatusKind, at: int, detail: dict[str, int | str]) -> None:
        self.book_changed = self.book_lost = True
        self.desk.unsynced(self, kind, at, detail)

    def _reject(self, reason: str, event: TradeEvent | BookEvent) -> None:
        self.rejected[reason] += 1
        sample = repr(event).encode()[:500]
        self._rejections.add(
            Rejection(self.desk.venue, reason, "", sample, event.received_at, self.symbol)
        )


def _unusable(seen: BookEvent, state: BookState, reason: str, at: int) -> BookView:
    """Return a view that says why there is no book to show."""
    return BookView(
        seen.instrument,
        state,
        0,
        seen.exchange_time,
        seen.received_at,
        reason=reason,
        vouched_at=at,
    )
