"""What collectors told of a market besides data, read on from the status stream of the log."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import EventLog, Record, Stream, StreamKind

_PAGE: Final = 100
WORDS: Final = {
    StatusKind.STARTED: "a collector began, and knows nothing of the time before",
    StatusKind.CONNECTED: "a connection was made",
    StatusKind.DISCONNECTED: "a connection ended",
    StatusKind.TRADES_LOST: "no connection brings trades any more",
    StatusKind.TRADE_GAP: "trades are missing, or must be feared to be",
    StatusKind.TRADES_REPAIRED: "a gap in the trades was filled, all of it",
    StatusKind.TRADES_UNREPAIRED: "filling a gap in the trades ended without proof",
    StatusKind.TRADES_DOUBTED: "the venue's own hints contradict the tape",
    StatusKind.BOOK_SYNCED: "the book may be believed from here on",
    StatusKind.BOOK_GAP: "the stream of the book has a hole",
    StatusKind.BOOK_LOST: "no connection has a book that may be believed",
}
"""Every kind but `alive`, which is said every few seconds and changes nothing."""


class FactOut(Struct, frozen=True):
    """One fact: `id` is its place in the log, `ts` when it was known, `detail` as it was told."""

    id: str
    kind: str
    ts: int
    detail: dict[str, int | str]
    words: str


class Fact(NamedTuple):
    """A fact and its place in the status stream."""

    id: str
    event: StatusEvent

    def written(self) -> FactOut:
        """Write it."""
        event = self.event
        ts = event.received_at // NS_PER_MS
        return FactOut(self.id, event.kind.value, ts, event.detail, WORDS[event.kind])


class Facts:
    """Reads the facts of a market on, from behind the entry that is the newest at first."""

    def __init__(self, log: EventLog, venue: Venue, symbol: str) -> None:
        self.stream = Stream(venue, symbol, StreamKind.STATUS)
        self._log = log
        self._at: int | None = None

    async def begin(self) -> None:
        """Stand behind the newest entry, unless this has begun."""
        if self._at is None:
            last = await self._log.last(self.stream)
            self._at = last.position if last else 0

    async def news(self) -> list[Fact]:
        """Return what was told since the last time, at most a page of entries."""
        await self.begin()
        records = await self._log.read(self.stream, after=self._at or 0, limit=_PAGE)
        if records:
            self._at = records[-1].position
        return list(facts_of(records))


def facts_of(records: Sequence[Record]) -> Iterator[Fact]:
    """Yield the facts of some entries in their order."""
    for position, events in records:
        for number, event in enumerate(events):
            if isinstance(event, StatusEvent):
                yield Fact(f"{position}-{number}", event)
