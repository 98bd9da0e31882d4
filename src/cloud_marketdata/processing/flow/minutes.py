"""The open minute of one market, and those that are over and not yet stored."""

from collections.abc import Iterable

from msgspec import Struct, field

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.flow import FlowMinute, Reading
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.processing.flow.moments import Scene
from cloud_marketdata.processing.flow.seconds import MINUTE


class Minutes(Struct):
    """`start` of the open minute (ns) is -1 before the first.

    book_from: since when a book has been believed, or -1. off_book: trades of the minute that were
    made away from the book. late: by minute, how many trades came when their time had been told.
    """

    start: int = -1
    book_ns: int = 0
    book_from: int = -1
    off_book: int = 0
    late: dict[int, int] = {}
    told: list[FlowMinute] = field(default_factory=list)

    def begin(self, time: int) -> None:
        """Begin with the minute of this time."""
        self.start = time - time % MINUTE

    def book_changed(self, time: int, *, believed: bool) -> None:
        """Note that a book began or ceased to be believed."""
        if believed:
            self.book_from = time
        elif self.book_from >= 0:
            self.book_ns += max(0, time - max(self.book_from, self.start))
            self.book_from = -1

    def note_late(self, trades: Iterable[TradeEvent]) -> None:
        """Count trades whose time had been told when they came."""
        for trade in trades:
            minute = trade.exchange_time - trade.exchange_time % MINUTE
            self.late[minute] = self.late.get(minute, 0) + 1

    def end(self, scene: Scene, readings: dict[str, Reading], warming: tuple[str, ...]) -> None:
        """Tell the open minute and begin the next."""
        over = self.start + MINUTE
        if self.book_from >= 0:
            self.book_ns += over - max(self.book_from, self.start)
        if self.off_book:
            readings["off_book"] = {"trades": self.off_book}
        known = self.book_ns // NS_PER_MS
        self.told.append(FlowMinute(scene.instrument, self.start, readings, known, warming))
        self.start, self.book_ns, self.off_book = over, 0, 0

    def take(self) -> list[FlowMinute]:
        """Return what was told since the last call."""
        taken, self.told = self.told, []
        return taken

    def take_late(self) -> dict[int, int]:
        """Return the late trades of the minutes that have been told, by minute."""
        due = {start: count for start, count in self.late.items() if start < self.start}
        self.late = {start: count for start, count in self.late.items() if start not in due}
        return due
