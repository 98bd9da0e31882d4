"""One book of one connection: INIT, BUFFERING, SYNCED, STALE.

It decides what may be applied and asks for a snapshot when it needs one; it never fetches anything.
It dies with its connection. Only a SYNCED book may be served.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from cloud_marketdata.collectors.sequence import BookRule, Verdict
from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import BookDelta, BookEvent, BookSnapshot
from cloud_marketdata.storage.ports import BookState

_BUFFER_MAX: Final = 20_000


class BookSync:
    """Feeds one order book with what the continuity rule allows.

    `wants_snapshot` is true while somebody should bring one: by REST on Binance, by subscribing
    again on Bybit. The buffer is bounded; when it overflows the oldest deltas go, which the joining
    rule then notices, so an overflow costs one more snapshot and never a wrong book.
    """

    def __init__(self, rule: BookRule) -> None:
        self._rule = rule
        self._buffer: deque[BookDelta] = deque(maxlen=_BUFFER_MAX)
        self._joined = False
        self._lost = False
        self.book: OrderBook | None = None
        self.wants_snapshot = True
        self.updates = self.gaps = self.resyncs = self.crossed = 0

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

    def snapshot_failed(self) -> None:
        """Note that it will not come; another one is wanted."""
        self.wants_snapshot = not self._joined

    def _load(self, snapshot: BookSnapshot) -> Sequence[BookEvent]:
        if self._rule.snapshot_in_stream:
            return self._restart(snapshot)
        if self._joined:
            return ()
        self.wants_snapshot = False
        self.book = OrderBook(snapshot)
        return self._drain()

    def _restart(self, snapshot: BookSnapshot) -> Sequence[BookEvent]:
        # It came in order with the deltas, so whatever was before it is history.
        self.book = OrderBook(snapshot)
        self.wants_snapshot = False
        self.resyncs += self._lost
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
        applied: list[BookEvent] = [_as_snapshot(book)]
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
            return ()
        if verdict is Verdict.GAP:
            self._lose(delta)
            return ()
        applied: list[BookEvent] = []
        self._apply(book, delta, applied)
        return applied

    def _apply(self, book: OrderBook, delta: BookDelta, applied: list[BookEvent]) -> None:
        book.apply(delta)
        self.updates += 1
        self.crossed += book.crossed
        applied.append(delta)

    def _lose(self, delta: BookDelta) -> None:
        self.gaps += 1
        self.book = None
        self._joined, self._lost = False, True
        self.wants_snapshot = True
        self._buffer.append(delta)


def _as_snapshot(book: OrderBook) -> BookSnapshot:
    bids, asks = book.top(max(len(book.bids.prices), len(book.asks.prices), 1))
    return BookSnapshot(
        book.instrument, book.update_id, bids, asks, book.exchange_time, book.received_at
    )
