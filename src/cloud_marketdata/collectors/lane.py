"""One symbol's way from decoded event to log batch: validate, deduplicate, check continuity.

Pure: it collects what is to be appended and what is to be asked for; the session does both.
"""

from collections import Counter

from cloud_marketdata.collectors.booksync import BookSync
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.sequence import BookRule, Tape, TradeGap
from cloud_marketdata.collectors.tickercheck import TickerCheck
from cloud_marketdata.collectors.validator import why_not_book, why_not_trade
from cloud_marketdata.domain.events import (
    BestQuote,
    BookDelta,
    BookEvent,
    BookSnapshot,
    Rejection,
    StatusEvent,
    StatusKind,
    TradeEvent,
)
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stream, StreamKind


class Lane:
    """State of one symbol on one connection; only the tape outlives it."""

    def __init__(
        self, venue: Venue, symbol: str, tape: Tape, rule: BookRule, rejections: Rejections
    ) -> None:
        self.venue = venue
        self.symbol = symbol
        self.sync = BookSync(rule)
        self.tickers = TickerCheck()
        self.duplicates = 0
        self.rejected: Counter[str] = Counter()
        self.book_changed = False
        self._admit = tape.admit
        self._seen: BookEvent | None = None
        self._rejections = rejections
        self._trades: list[TradeEvent] = []
        self._book: list[BookEvent] = []
        self._status: list[StatusEvent] = []

    @property
    def instrument(self) -> Instrument | None:
        """The book's instrument as its newest event counts it, or None before any."""
        return self._seen.instrument if self._seen else None

    def trade(self, trade: TradeEvent) -> None:
        """Take one decoded trade."""
        reason = why_not_trade(trade)
        if reason is not None:
            self._reject(reason, trade)
            return
        new, gap, foreign = self._admit(trade)
        if new:
            self._trades.append(trade)
        elif foreign:
            self._reject("id_of_another_tape", trade)
        else:
            self.duplicates += 1
        if gap is not None:
            self._tell(StatusKind.TRADE_GAP, trade.received_at, _describe(gap))

    def book(self, event: BookSnapshot | BookDelta) -> None:
        """Take one decoded book event."""
        reason = why_not_book(event)
        if reason is not None:
            self._reject(reason, event)
            return
        self._seen = event
        sync, before, gaps = self.sync, self.sync.state, self.sync.gaps
        applied = sync.receive(event)
        if applied:
            self._book.extend(applied)
            self.book_changed = True
            if sync.book:
                self.tickers.reached(sync.book)
        if sync.gaps != gaps:
            # Also where a snapshot joined a buffer that has a hole of its own.
            self._lost(event)
        elif sync.state is not before:
            self._joined(event)

    def quote(self, quote: BestQuote) -> None:
        """Take one ticker."""
        joined = self.sync.state is BookState.SYNCED
        self.tickers.quote(quote, self.sync.book if joined else None)

    def take(self) -> list[Batch]:
        """Return what is to be appended since the last call."""
        batches = []
        if self._trades:
            batches.append(Batch(self._stream(StreamKind.TRADES), self._trades))
            self._trades = []
        if self._book:
            batches.append(Batch(self._stream(StreamKind.BOOK), self._book))
            self._book = []
        if self._status:
            batches.append(Batch(self._stream(StreamKind.STATUS), self._status))
            self._status = []
        return batches

    def view(self, levels: int, at: int) -> BookView | None:
        """Return the top of the book as it may be published, or None before any book event."""
        seen, sync = self._seen, self.sync
        if seen is None:
            return None
        if sync.state is not BookState.SYNCED or sync.book is None:
            reason = f"the book is {sync.state}: it waits for a snapshot that joins the stream"
            return BookView(
                seen.instrument,
                sync.state,
                0,
                seen.exchange_time,
                seen.received_at,
                reason=reason,
                vouched_at=at,
            )
        book = sync.book
        bids, asks = book.top(levels)
        return BookView(
            book.instrument,
            sync.state,
            book.update_id,
            book.exchange_time,
            book.received_at,
            bids,
            asks,
            vouched_at=at,
        )

    def _lost(self, event: BookEvent) -> None:
        self.book_changed = True
        self._tell(StatusKind.BOOK_GAP, event.received_at, {"found_at": self.sync.newest_id})

    def _joined(self, event: BookEvent) -> None:
        sync = self.sync
        if sync.state is BookState.SYNCED and sync.book:
            detail: dict[str, int | str] = {"update_id": sync.book.update_id}
            self._tell(StatusKind.BOOK_SYNCED, event.received_at, detail)

    def _tell(self, kind: StatusKind, at: int, detail: dict[str, int | str]) -> None:
        self._status.append(StatusEvent(self.venue, self.symbol, kind, at, detail))

    def _reject(self, reason: str, event: TradeEvent | BookEvent) -> None:
        self.rejected[reason] += 1
        sample = repr(event).encode()[:500]
        self._rejections.add(
            Rejection(self.venue, reason, "", sample, event.received_at, self.symbol)
        )

    def _stream(self, kind: StreamKind) -> Stream:
        return Stream(self.venue, self.symbol, kind)


def _describe(gap: TradeGap) -> dict[str, int | str]:
    proven: dict[str, int | str] = {} if gap.missing is None else {"missing": gap.missing}
    return {
        "after_id": gap.after_id,
        "before_id": gap.before_id,
        **proven,
        "from_ms": gap.start // NS_PER_MS,
        "to_ms": gap.end // NS_PER_MS,
    }
