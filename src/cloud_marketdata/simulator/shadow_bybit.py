"""The books of a Bybit venue, one for each `orderbook.{depth}.{symbol}` topic.

A snapshot, or any message with `u == 1`, starts a book anew; a delta must carry the next `u` of its
own topic. A gap empties the book until the next snapshot.
"""

from contextlib import suppress

import msgspec
from msgspec import Struct

from cloud_marketdata.simulator.levels import WireLevel, WireSide


class BookData(Struct):
    """The body of a book message."""

    s: str
    b: list[WireLevel]
    a: list[WireLevel]
    u: int
    seq: int = 0


class BookMessage(Struct):
    """A snapshot or delta as it comes over the socket; times in ms."""

    topic: str
    type: str
    ts: int
    data: BookData
    cts: int = 0

    @property
    def depth(self) -> int:
        """Levels a side that the topic promises."""
        return int(self.topic.split(".")[1])


decode_book = msgspec.json.Decoder(BookMessage).decode


class TopicBook:
    """The book of one topic, from its newest snapshot on."""

    def __init__(self, message: BookMessage) -> None:
        self._newest = message
        self._bids = WireSide(message.data.b, descending=True)
        self._asks = WireSide(message.data.a, descending=False)

    def receive(self, delta: BookMessage) -> bool:
        """Apply the next delta; False, changing nothing, where it does not follow."""
        if delta.data.u != self._newest.data.u + 1:
            return False
        self._bids.change(delta.data.b)
        self._asks.change(delta.data.a)
        self._newest = delta
        return True

    def snapshot(self, limit: int | None = None) -> BookMessage:
        """Return the message a new subscriber would get, with at most `limit` levels a side."""
        now = self._newest
        bids, asks = self._bids.best(limit), self._asks.best(limit)
        data = BookData(now.data.s, bids, asks, now.data.u, now.data.seq)
        return BookMessage(now.topic, "snapshot", now.ts, data, now.cts)


class BybitBooks:
    """All books of one Bybit category."""

    def __init__(self) -> None:
        self._books: dict[str, TopicBook] = {}
        self._deepest: dict[str, tuple[int, str]] = {}

    def receive(self, payload: bytes) -> None:
        """Take one raw frame; frames that are no book message, or cannot be read, are ignored.

        A book that lost a delta that way finds the gap at the next one.
        """
        if b'"orderbook.' in payload:
            with suppress(msgspec.MsgspecError):
                self.apply(decode_book(payload))

    def apply(self, message: BookMessage) -> None:
        """Take one book message."""
        if message.type == "snapshot" or message.data.u == 1:
            self._books[message.topic] = TopicBook(message)
            here = (message.depth, message.topic)
            symbol = message.data.s
            self._deepest[symbol] = max(here, self._deepest.get(symbol, here))
        elif message.topic in self._books and not self._books[message.topic].receive(message):
            del self._books[message.topic]

    def book(self, topic: str) -> TopicBook | None:
        """Return the book of a topic, or None where none is in step."""
        return self._books.get(topic)

    def deepest(self, symbol: str) -> TopicBook | None:
        """Return the deepest book of a symbol, or None."""
        _, topic = self._deepest.get(symbol, (0, ""))
        return self._books.get(topic)

    def snapshot(self, symbol: str, limit: int | None = None) -> bytes | None:
        """Return the snapshot frame of the deepest topic seen, or None before there is one."""
        book = self.deepest(symbol)
        return msgspec.json.encode(book.snapshot(limit)) if book else None
