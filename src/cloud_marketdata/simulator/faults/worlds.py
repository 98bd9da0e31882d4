"""Faults of a whole venue: every client sees the same, whenever it asks.

They change the numbers and the form in which a book is told, never the book.
"""

from collections.abc import Sequence

from cloud_marketdata.simulator.connection import Delivery
from cloud_marketdata.simulator.faults.frames import FrameFault
from cloud_marketdata.simulator.faults.striker import Striker
from cloud_marketdata.simulator.shadow_bybit import decode_book
from cloud_marketdata.simulator.streams import book_of


class WorldFault(FrameFault):
    """A fault that strikes before the deliveries get their ids and times."""


class Gap(WorldFault):
    """The update ids of a book jump from this message on."""

    def occasion(self, stream: str) -> str:
        """Return the book, which may come on several streams."""
        return book_of(stream)

    def strike(self, stream: str) -> None:
        """Move the ids of one book."""
        self.scene.labels.shift(book_of(stream), self.fault.by or 1)


class Storm(WorldFault):
    """The update ids of all books jump at once, so that everybody has to start over."""

    def occasion(self, stream: str) -> str:
        """Return one occasion for all streams."""
        del stream
        return ""

    def strike(self, stream: str) -> None:
        """Move the ids of every book."""
        del stream
        self.scene.labels.shift_all(self.fault.by or 1)


class Snapshot(WorldFault):
    """A delta's place is taken by the whole book, as Bybit does now and then."""

    _book: bytes | None = None

    def strike(self, stream: str) -> None:
        """Fetch the book once for all clients."""
        self._book = self.scene.snapshot(stream)

    def struck(self, delivery: Delivery) -> Sequence[Delivery]:
        """Put the book in the delta's place."""
        return (delivery._replace(payload=self._book or delivery.payload),)


class Restart(Snapshot):
    """Bybit's service restarts: a snapshot with `u` 1, and the count goes on from there."""

    def strike(self, stream: str) -> None:
        """Let the book's ids begin again."""
        super().strike(stream)
        if self._book:
            self.scene.labels.begin(stream, decode_book(self._book).data.u)


class Skew(Striker):
    """Every time the venue tells, over its sockets and by REST, is off by the same amount."""

    def ms(self) -> int:
        """Return how far the times are moved now; 0 outside the fault's time."""
        return self.fault.ms if self.trigger.open(self.scene.clock.monotonic()) else 0
