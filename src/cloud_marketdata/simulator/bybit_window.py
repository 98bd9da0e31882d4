"""A shallower view of a book: what `orderbook.50` shows of a recording of `orderbook.200`.

The deltas are those of the best levels alone: a level that enters the view is told with its size,
one that leaves it with zero. Depth 1 sends snapshots only, as the venue does.
"""

from collections.abc import Iterator

from cloud_marketdata.simulator.levels import WireLevel
from cloud_marketdata.simulator.shadow_bybit import BookData, BookMessage, TopicBook


class Window:
    """The view of one topic; it follows the deepest book of its symbol message by message."""

    def __init__(self, topic: str, book: TopicBook | None) -> None:
        self._topic = topic
        self._depth = int(topic.split(".")[1])
        self._shown: BookMessage | None = None
        if book:
            self._show(book)

    def snapshot(self) -> BookMessage | None:
        """Return the view as a new subscriber gets it, or None before the book has begun."""
        return self._shown

    def follow(self, book: TopicBook, kind: str) -> BookMessage:
        """Move to the book's present state; return the message that tells the change."""
        before = self._shown
        now = self._show(book)
        if before is None or kind == "snapshot" or self._depth == 1:
            return now
        bids = list(_changes(before.data.b, now.data.b))
        asks = list(_changes(before.data.a, now.data.a))
        data = BookData(now.data.s, bids, asks, now.data.u, now.data.seq)
        return BookMessage(self._topic, "delta", now.ts, data, now.cts)

    def _show(self, book: TopicBook) -> BookMessage:
        seen = book.snapshot(self._depth)
        self._shown = BookMessage(self._topic, "snapshot", seen.ts, seen.data, seen.cts)
        return self._shown


def _changes(before: list[WireLevel], now: list[WireLevel]) -> Iterator[WireLevel]:
    old, new = dict(before), dict(now)
    yield from ((price, "0") for price in old if price not in new)
    yield from ((price, size) for price, size in now if old.get(price) != size)
