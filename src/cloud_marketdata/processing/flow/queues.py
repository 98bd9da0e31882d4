"""What has been read of one stream and may not be told yet.

Trades are told by match time and, within it, by their sequence. Book changes and facts keep their
order among themselves whatever their times say: each counts as no older than the one before it.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from typing import Generic, TypeVar, cast

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, StatusEvent, TradeEvent
from cloud_marketdata.processing.flow.moments import Arrival
from cloud_marketdata.processing.flow.places import Place
from cloud_marketdata.processing.flow.venue_time import VenueTime
from cloud_marketdata.storage.ports import Record, StreamKind

_match_time = attrgetter("exchange_time")
_tape_order = attrgetter("exchange_time", "sequence")
BookChange = BookSnapshot | BookDelta
_Event = TypeVar("_Event", BookChange, StatusEvent)


class TradeQueue:
    """Trades that wait for the watermark; `late` are those that it had passed when they came.

    Whether a trade is late against its own stream does not depend on how that was read.
    `more` says that the log holds entries that have not been read, as far as is known.
    """

    def __init__(self, place: Place, lateness: int) -> None:
        self.place = place
        self.more = True
        self.top = place.top
        self.heard = 0
        self.late: list[TradeEvent] = []
        self._again = place.read
        self._lateness = lateness
        self._held: list[TradeEvent] = []
        self._in_order = True
        self._ends: deque[tuple[int, int, Arrival]] = deque()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def middle(self) -> int:
        """A time before which about half of what waits was made."""
        return self._held[len(self._held) // 2].exchange_time

    def take(self, record: Record, told: int) -> None:
        """Take an entry, when everything before `told` has been told."""
        position, trades = record.position, cast("Sequence[TradeEvent]", record.events)
        floor = max(self.top - self._lateness, told)
        self._in_order = False
        times = list(map(_match_time, trades))
        if min(times) >= floor:
            self._held += trades
        else:
            self._held += [trade for trade in trades if trade.exchange_time >= floor]
            if position > self._again:
                self.late += [trade for trade in trades if trade.exchange_time < floor]
        self.top = max(self.top, *times)
        last = trades[-1]
        self.heard = max(self.heard, last.received_at)
        arrival = Arrival(StreamKind.TRADES, len(trades), last.exchange_time, last.received_at)
        self._ends.append((position, self.top, arrival))
        self.place.read = max(self.place.read, position)

    def release(self, upto: int, told: int) -> tuple[list[TradeEvent], list[tuple[int, Arrival]]]:
        """Return what is older than `upto`; everything before `told` had been told already."""
        if not self._in_order:
            self._held.sort(key=_tape_order)
            self._in_order = True
        place, arrivals = self.place, []
        while self._ends and self._ends[0][1] < upto:
            position, place.top, arrival = self._ends.popleft()
            place.after = position
            if place.top >= told or position > self._again:
                arrivals.append((place.top, arrival))
        count = bisect_left(self._held, upto, key=_match_time)
        released, self._held = self._held[:count], self._held[count:]
        return released, arrivals

    def take_late(self) -> list[TradeEvent]:
        """Return what came late since the last call."""
        taken, self.late = self.late, []
        return taken


class OrderedQueue(Generic[_Event]):
    """Events of a stream that keep their order, with the times at which they are to be told."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.more = True
        self.top = place.top
        self.heard = 0
        self.arrivals: list[tuple[int, Arrival]] = []
        self._skip = place.skip
        self._held: deque[tuple[int, _Event, Arrival | None, int]] = deque()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def middle(self) -> int:
        """A time before which about half of what waits was made."""
        return self._held[len(self._held) // 2][0]

    def put(self, time: int, event: _Event, arrival: Arrival | None, position: int) -> None:
        """Queue one event; the last one of an entry brings its arrival and position."""
        self.top = max(self.top, time)
        if self._skip:
            self._skip -= 1
            return
        self._held.append((self.top, event, arrival, position))

    def release(self, upto: int) -> list[tuple[int, _Event]]:
        """Return what is older than `upto`, and queue its arrivals."""
        held, place = self._held, self.place
        released: list[tuple[int, _Event]] = []
        while held and held[0][0] < upto:
            time, event, arrival, position = held.popleft()
            released.append((time, event))
            place.skip += 1
            if arrival:
                place.after, place.skip, place.top = position, 0, time
                self.arrivals.append((time, arrival))
        return released

    def take_arrivals(self) -> list[tuple[int, Arrival]]:
        """Return the arrivals of the entries that have been released since the last call."""
        taken, self.arrivals = self.arrivals, []
        return taken


class BookQueue(OrderedQueue[BookChange]):
    """Book changes. A snapshot by REST may have no time of the venue: it takes the next one's."""

    def take(self, record: Record) -> None:
        """Take an entry."""
        changes = cast("Sequence[BookChange]", record.events)
        known = [change.exchange_time for change in changes if not _untimed(change)]
        times = [
            (known[0] if known else self.top or change.received_at)
            if _untimed(change)
            else change.exchange_time
            for change in changes
        ]
        last = changes[-1]
        for time, change in zip(times[:-1], changes[:-1], strict=True):
            self.put(time, change, None, 0)
        self.heard = max(self.heard, last.received_at)
        arrival = Arrival(StreamKind.BOOK, len(changes), times[-1], last.received_at)
        self.put(times[-1], last, arrival, record.position)
        self.place.read = max(self.place.read, record.position)


class FactQueue(OrderedQueue[StatusEvent]):
    """Facts, which wait until it is known when they happened on the venue's clock."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._untimed: deque[tuple[StatusEvent, int, int]] = deque()

    def take(self, record: Record) -> None:
        """Take an entry."""
        facts = cast("Sequence[StatusEvent]", record.events)
        for fact in facts[:-1]:
            self._untimed.append((fact, 0, 0))
        self._untimed.append((facts[-1], record.position, len(facts)))
        self.place.read = max(self.place.read, record.position)

    def settle(self, ways: VenueTime, heard: int | None) -> None:
        """Give a time to the facts that came before `heard`; None for all of them."""
        untimed = self._untimed
        while untimed and (heard is None or untimed[0][0].received_at <= heard):
            fact, position, events = untimed.popleft()
            # Before anything is known of the clocks they come first.
            time = ways.of(fact.received_at) or 0
            arrival = None
            if position:
                arrival = Arrival(StreamKind.STATUS, events, time, fact.received_at)
            self.put(time, fact, arrival, position)


def _untimed(change: BookChange) -> bool:
    """Whether the venue said no time, so that ours stands there."""
    return isinstance(change, BookSnapshot) and change.exchange_time == change.received_at
