"""The book that the log describes, and whether it may be believed at the moment.

The book stream holds nothing while a book is lost and begins again with a whole one; facts say when
it was lost and found. They carry our time and the book the venue's, so near each other their order
is not certain: a loss is also undone by the fact that names an update which the book includes.
Where the log was trimmed between two changes the book is dropped until the next whole one.
"""

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.domain.book import OrderBook
from cloud_marketdata.domain.events import (
    BookDelta,
    BookSnapshot,
    Level,
    StatusEvent,
    StatusKind,
)
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import Exchange

LOSSES = frozenset({StatusKind.BOOK_GAP, StatusKind.BOOK_LOST, StatusKind.STARTED})


class BookImage(Struct, frozen=True):
    """A followed book as it is stored: all of its levels, and how far each side is known."""

    whole: BookSnapshot | None
    known_bid: int | None
    known_ask: int | None
    joined_at: int
    lost: bool


class FollowedBook:
    """`book` is the book as described, believed or not; `holes` counts those it was dropped for."""

    def __init__(self) -> None:
        self.book: OrderBook | None = None
        self.lost = False
        self.holes = 0
        self._joined_at = 0

    @property
    def believed(self) -> OrderBook | None:
        """The book, if it may be believed."""
        return None if self.lost else self.book

    def apply(self, change: BookSnapshot | BookDelta) -> None:
        """Take the next change of the stream."""
        book = self.book
        if isinstance(change, BookSnapshot):
            # Bybit streams the depth that was subscribed, whole; Binance's REST serves a part.
            whole = change.instrument.venue.exchange is Exchange.BYBIT
            self.book = OrderBook(change, None if whole else 1)
            self._joined_at = change.update_id
            self.lost = False
        elif book is not None:
            if _follows(book.update_id, change):
                book.apply(change)
            else:
                self.holes += 1
                self.book = None

    def fact(self, fact: StatusEvent) -> bool:
        """Take a fact; return whether it has the book believed again."""
        if fact.kind in LOSSES:
            self.lost = True
        elif fact.kind is StatusKind.BOOK_SYNCED and self.lost and self.book is not None:
            found = int(fact.detail.get("update_id", 0))
            self.lost = not self._joined_at <= found <= self.book.update_id
            return not self.lost
        return False

    def meet(self, instrument: Instrument) -> None:
        """Count on the given grid, which is at least as fine."""
        if self.book is not None:
            self.book.meet(instrument)

    def image(self) -> BookImage:
        """Return what is to be stored."""
        book = self.book
        if book is None:
            return BookImage(None, None, None, self._joined_at, self.lost)
        bids, asks = tuple(book.bids.sizes.items()), tuple(book.asks.sizes.items())
        whole = BookSnapshot(
            book.instrument, book.update_id, bids, asks, book.exchange_time, book.received_at
        )
        return BookImage(whole, book.known_bid, book.known_ask, self._joined_at, self.lost)

    @classmethod
    def of(cls, image: BookImage) -> "FollowedBook":
        """Return the book that was stored."""
        made = cls()
        made.lost, made._joined_at = image.lost, image.joined_at
        if image.whole is not None:
            made.book = OrderBook(image.whole)
            made.book.known_bid, made.book.known_ask = image.known_bid, image.known_ask
        return made


def on_grid(change: BookSnapshot | BookDelta, instrument: Instrument) -> BookSnapshot | BookDelta:
    """Return the change counted on the grid of `instrument`, which is at least as fine."""
    if change.instrument.scale == instrument.scale:
        return change
    tick, lot = change.instrument.scale.factors(instrument.scale)
    bids, asks = _finer(change.bids, tick, lot), _finer(change.asks, tick, lot)
    return replace(change, instrument=instrument, bids=bids, asks=asks)


def _follows(update_id: int, delta: BookDelta) -> bool:
    """Whether nothing is missing before a delta; collectors have looked, trimming has not."""
    if delta.previous_id is not None:
        return delta.previous_id <= update_id
    return delta.first_id <= update_id + 1


def _finer(levels: tuple[Level, ...], tick: int, lot: int) -> tuple[Level, ...]:
    return tuple((price * tick, size * lot) for price, size in levels)
