"""One book of one connection: INIT, BUFFERING, SYNCED, STALE.

It decides what may be applied and asks for a snapshot when it needs one; it never fetches anything.
It dies with its connection. Only a SYNCED book may be served.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from cloud_marketdata.collectors.lanes.bookrefresh import BookRefresh
from cloud_marketdata.collectors.lanes.sequence import BookRule, Verdict
from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta, BookEvent, BookSnapshot
from cloud_marketdata.storage.ports import BookState

_BUFFER_MAX: Final = 20_000


class BookSync:
    """Feeds one order book with what the continuity rule allows.

    `wants_snapshot` is true while somebody should bring one: by REST on Binance, by subscribing
    again on Bybit. The buffer is bounded; when it overflows the oldest deltas go, which the joining
    rule then notices, so an overflow costs one more snapshot and never a wrong book.

    levels_asked: how many levels a side a snapshot is asked for; None where it comes whole.
    `refreshes` counts the books renewed while in sync, `refresh_different` those of them that were
    not what the new snapshot said, and `refresh_failed` the attempts that changed nothing.
    `repeats` counts deltas that a book in sync already had.
    """

    def __init__(self, rule: BookRule, levels_asked: int | None = None) -> None:
        self._rule = rule
        self._levels_asked = levels_asked
        self._refresh: BookRefresh | None = None
        self._buffer: deque[BookDelta] = deque(maxlen=_BUFFER_MAX)
        self._joined = False
        self._lost = False
        self.book: OrderBook | None = None
        self.wants_snapshot = True
        self.updates = self.gaps = self.resyncs = self.crossed = self.repeats = 0
        self.refreshes = self.refresh_different = self.refresh_failed = 0

    @property
    def state(self) -> BookState:
        """Whether the book may be believed, and if not, why."""
        if self._joined:
            return BookState.SYNCED
        if self._lost:
            return BookState.STALE
        return BookState.BUFFERING if self._buffer or self.book else BookState.INIT

    @property
    def pending(self) -> int:
        """Deltas that wait for a snapshot; a book nobody streams never asks for one."""
        return len(self._buffer)

    @property
    def newest_id(self) -> int:
        """Highest update id seen, applied or waiting; 0 before any."""
        if self._buffer:
            return self._buffer[-1].last_id
        return self.book.update_id if self.book else 0

    @property
    def refreshing(self) -> bool:
        """Whether a book in sync waits for a new snapshot to join it."""
        return self._refresh is not None

    def recent_prices(self) -> list[int]:
        """Prices in ticks that the newest waiting delta or the book itself touches."""
        if self._buffer:
            newest = self._buffer[-1]
            return [price for price, _ in (*newest.bids, *newest.asks)]
        best = (self.book.best_bid(), self.book.best_ask()) if self.book else ()
        return [level[0] for level in best if level]

    def receive(self, event: BookEvent) -> Sequence[BookEvent]:
        """Take one event and return what was applied to the book by it, in order."""
        if isinstance(event, BookSnapshot):
            return self._load(event)
        if self._joined:
            return self._follow(event)
        self._buffer.append(event)
        return self._drain() if self.book else ()

    def expect_snapshot(self) -> None:
        """Note that a snapshot is on its way."""
        self.wants_snapshot = False

    def refresh(self) -> None:
        """Prepare a book in sync for a new snapshot, which somebody then brings by REST.

        Where snapshots come in the stream, the next one renews the book by itself.
        """
        if self._joined and self.book and not (self.refreshing or self._rule.snapshot_in_stream):
            self._refresh = BookRefresh(self.book.update_id)

    def distrust(self) -> None:
        """Throw the book away although its stream has no hole: something else proved it wrong."""
        self._end_refresh()
        self.book = None
        self._joined, self._lost = False, True
        self.wants_snapshot = True

    def snapshot_failed(self) -> None:
        """Note that it will not come; another one is wanted, unless the book has what it needs."""
        self._end_refresh()
        self.wants_snapshot = not self._joined

    def _load(self, snapshot: BookSnapshot) -> Sequence[BookEvent]:
        if self._rule.snapshot_in_stream:
            return self._restart(snapshot)
        book = OrderBook(snapshot, self._levels_asked)
        if self._joined:
            refresh = self._refresh
            return self._renew(refresh, possible=refresh.bring(book)) if refresh else ()
        self.wants_snapshot = False
        self.book = book
        return self._drain()

    def _restart(self, snapshot: BookSnapshot) -> Sequence[BookEvent]:
        # It came in order with the deltas, so whatever was before it is history.
        self.book = OrderBook(snapshot)
        self.wants_snapshot = False
        self.resyncs += self._lost
        self.refreshes += self._joined
        self._joined, self._lost = True, False
        self.crossed += self.book.crossed
        self._buffer.clear()
        return (snapshot,)

    def _drain(self) -> Sequence[BookEvent]:
        book = self.book
        while book and self._buffer:
            delta = self._buffer[0]
            verdict = self._rule.join(book.update_id, delta)
            if verdict is Verdict.GAP:
                # The snapshot is older than the buffer: keep the buffer, ask for a newer one.
                self.book, self.wants_snapshot = None, True
                return ()
            if verdict is Verdict.APPLY:
                return self._join(book)
            self._buffer.popleft()
        return ()

    def _join(self, book: OrderBook) -> Sequence[BookEvent]:
        applied: list[BookEvent] = [book.snapshot()]
        self.resyncs += self._lost
        self._joined, self._lost = True, False
        waiting, self._buffer = self._buffer, deque(maxlen=_BUFFER_MAX)
        self._apply(book, waiting.popleft(), applied)
        for delta in waiting:
            applied.extend(self.receive(delta))
        return applied

    def _follow(self, delta: BookDelta) -> Sequence[BookEvent]:
        book = self.book
        assert book is not None, "a joined book exists"
        verdict = self._rule.follow(book.update_id, delta)
        if verdict is Verdict.IGNORE:
            self.repeats += 1
            return ()
        if verdict is Verdict.GAP:
            self._lose(delta)
            return ()
        applied: list[BookEvent] = []
        self._apply(book, delta, applied)
        if self._refresh:
            applied.extend(self._renew(self._refresh, possible=self._refresh.keep(delta)))
        return applied

    def _renew(self, refresh: BookRefresh, *, possible: bool) -> Sequence[BookEvent]:
        """Put the new book in the old one's place, once it stands where that does."""
        if not possible:
            self._end_refresh()
            return ()
        fresh, book = refresh.joined(), self.book
        if fresh is None or book is None:
            return ()
        assert fresh.update_id == book.update_id, "both followed the same deltas"
        self.refreshes += 1
        self.refresh_different += not fresh.agrees(book)
        self.book, self._refresh = fresh, None
        # Told as it stands now: the log has the deltas that are inside already.
        return (fresh.snapshot(),)

    def _end_refresh(self) -> None:
        self.refresh_failed += self.refreshing
        self._refresh = None

    def _apply(self, book: OrderBook, delta: BookDelta, applied: list[BookEvent]) -> None:
        book.apply(delta)
        self.updates += 1
        self.crossed += book.crossed
        applied.append(delta)

    def _lose(self, delta: BookDelta) -> None:
        self.gaps += 1
        self.distrust()
        self._buffer.append(delta)
