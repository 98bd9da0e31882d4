"""A Bybit category on stage: which frame goes to whom, and what its REST knows by now.

A book topic the recording does not hold is cut from the deepest one of its symbol. Recorded
acknowledgements are not sent: each client gets its own.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct, field

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.simulator.bybit_window import Window
from cloud_marketdata.simulator.connection import Connection, Delivery, Subscriptions
from cloud_marketdata.simulator.minutes import Minutes
from cloud_marketdata.simulator.shadow_bybit import BookMessage, BybitBooks, decode_book
from cloud_marketdata.simulator.streams import symbol_of
from cloud_marketdata.simulator.survey import Survey
from cloud_marketdata.simulator.tally import Tally

DEPTHS: Final = ("1", "50", "200", "1000")
MOST_RECENT: Final = 1000


class RecentTrade(Struct):
    """A trade as it came over the socket."""

    time: int = field(name="T")
    symbol: str = field(name="s")
    side: str = field(name="S")
    size: str = field(name="v")
    price: str = field(name="p")
    id: str = field(name="i")
    seq: int = 0
    block: bool | None = field(default=None, name="BT")
    rpi: bool | None = field(default=None, name="RPI")


class _TradeMessage(Struct):
    data: list[RecentTrade]


class _Topic(Struct):
    topic: str = ""


_topic = msgspec.json.Decoder(_Topic).decode
_trades = msgspec.json.Decoder(_TradeMessage).decode

Deliveries = Iterator[Delivery]


class BybitVenue:
    """Spot or linear, as far as its recording has been played."""

    def __init__(self, venue: Venue, held: Survey) -> None:
        self.venue = venue
        self.linear = venue is Venue.BYBIT_LINEAR
        self.listings = held.listings
        self.subscriptions: Subscriptions[Connection] = Subscriptions()
        self.books = BybitBooks()
        self._recent: dict[str, deque[RecentTrade]] = {}
        self._tallies: dict[str, Tally] = {}
        self._minutes: dict[str, Minutes] = {}
        self._topics = held.streams
        self._windows: dict[str, Window] = {}

    @property
    def category(self) -> str:
        """The venue's name in paths and queries."""
        return "linear" if self.linear else "spot"

    def offers(self, topic: str) -> bool:
        """Whether a topic has a handler."""
        kind, _, rest = topic.partition(".")
        depth, _, symbol = rest.rpartition(".")
        if topic in self._topics:
            return True
        listed = symbol in self.listings
        return listed and ((kind, depth) == ("publicTrade", "") or _is_book(kind, depth))

    def covered(self) -> bool:
        """Whether every trade and book stream of the recording has a subscriber."""
        return all(self._wanted(topic) for topic in self._topics)

    def recent(self, symbol: str) -> deque[RecentTrade]:
        """Return the newest trades of a symbol, newest first."""
        return self._recent.setdefault(symbol, deque(maxlen=MOST_RECENT))

    def tally(self, symbol: str) -> Tally:
        """Return what has been traded of a symbol."""
        return self._tallies.setdefault(symbol, Tally())

    def minutes(self, symbol: str) -> Minutes:
        """Return a symbol's one-minute bars."""
        return self._minutes.setdefault(symbol, Minutes(opens_at_close=True))

    def join(self, topic: str, connection: Connection) -> bytes | None:
        """Give a connection a topic; return the snapshot it starts with, if there is one yet."""
        self.subscriptions.add(topic, connection)
        return self.snapshot(topic) if topic.startswith("orderbook.") else None

    def snapshot(self, topic: str) -> bytes | None:
        """Return the whole book of a topic as its snapshot message, if there is one yet."""
        if topic in self._topics:
            book = self.books.book(topic)
            message = book.snapshot() if book else None
        else:
            if topic not in self._windows:
                self._windows[topic] = Window(topic, self.books.deepest(symbol_of(topic)))
            message = self._windows[topic].snapshot()
        return msgspec.json.encode(message) if message else None

    def deliveries(self, payload: bytes) -> Deliveries:
        """Take the next frame into books and tape; return what goes to whom, in order."""
        try:
            topic = _topic(payload).topic
            cut = self._follow(decode_book(payload)) if topic.startswith("orderbook.") else ()
            if topic.startswith("publicTrade."):
                for trade in _trades(payload).data:
                    self._note(trade)
        except msgspec.MsgspecError:
            return iter(())
        recorded = (Delivery(client, topic, payload) for client in self.subscriptions.of(topic))
        return iter((*recorded, *cut))

    def _note(self, trade: RecentTrade) -> None:
        self.recent(trade.symbol).appendleft(trade)
        self.tally(trade.symbol).add(trade.price, trade.size, trade.time)
        if not trade.block:
            buy = trade.side == "Buy"
            self.minutes(trade.symbol).add(trade.price, trade.size, trade.time, 1, buy=buy)

    def _follow(self, message: BookMessage) -> tuple[Delivery, ...]:
        """Apply a book message and cut the shallower topics somebody listens to."""
        self.books.apply(message)
        symbol = message.data.s
        book = self.books.deepest(symbol)
        if book is None or book is not self.books.book(message.topic):
            return ()
        return tuple(
            Delivery(connection, topic, frame)
            for topic, window in self._open_windows(symbol)
            for frame in [msgspec.json.encode(window.follow(book, message.type))]
            for connection in self.subscriptions.of(topic)
        )

    def _open_windows(self, symbol: str) -> list[tuple[str, Window]]:
        for topic in [topic for topic in self._windows if topic not in self.subscriptions]:
            del self._windows[topic]
        return [(t, window) for t, window in self._windows.items() if symbol_of(t) == symbol]

    def _wanted(self, topic: str) -> bool:
        kind, symbol = topic.partition(".")[0], symbol_of(topic)
        if kind == "orderbook":
            return any(f"orderbook.{depth}.{symbol}" in self.subscriptions for depth in DEPTHS)
        return kind != "publicTrade" or topic in self.subscriptions


def _is_book(kind: str, depth: str) -> bool:
    return kind == "orderbook" and depth in DEPTHS
