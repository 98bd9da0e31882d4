"""Six streams of the log in one order: that in which their entries came to us.

Both markets are heard by one clock, ours, so the order of arrival is the one thing that is known of
both without any correction. An entry is told when the newest arrival is `lateness` ahead of it and
every stream of which more lies unread has been read beyond it; so the order does not depend on how
the log was read. What comes later than that is told at once. A silent stream holds nothing up.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct, field

from cloud_marketdata.domain.events import LogEvent
from cloud_marketdata.storage.ports import Record

MOST_HELD: Final = 2_000


class Place(Struct):
    """How far a stream has been told: the last position, and the latest arrival up to there."""

    after: int = 0
    top: int = 0


class Told(NamedTuple):
    """One entry: which stream it is of, when it came (ns), and its events."""

    stream: int
    time: int
    events: Sequence[LogEvent]


class _Line(Struct):
    """One stream: what was read of it and not told yet, as (arrival, position, events)."""

    place: Place
    read: int
    top: int
    held: deque[tuple[int, int, Sequence[LogEvent]]] = field(default_factory=deque)
    more: bool = True


class Following:
    """Where the reading of all streams stands; `places` is all that a restart needs."""

    def __init__(self, places: Sequence[Place], lateness: int) -> None:
        self._lines = [_Line(place, place.after, place.top) for place in places]
        self._lateness = lateness
        self._newest = max((place.top for place in places), default=0)

    @property
    def places(self) -> list[Place]:
        """How far each stream has been told."""
        return [line.place for line in self._lines]

    def wanted(self) -> list[tuple[int, int]]:
        """Return which streams to read now, and behind which position.

        A stream of which much is held already waits for the others.
        """
        lines = enumerate(self._lines)
        return [(index, line.read) for index, line in lines if len(line.held) < MOST_HELD]

    def take(self, index: int, records: Sequence[Record], *, more: bool) -> None:
        """Take what a stream held behind what was wanted; `more` where it may hold further ones."""
        line = self._lines[index]
        line.more = more
        for position, events in records:
            line.top = max(line.top, events[-1].received_at)
            line.held.append((line.top, position, events))
            line.read = position
        self._newest = max(self._newest, line.top)

    def release(self, *, everything: bool = False) -> Iterator[Told]:
        """Yield what may be told; `everything` at an end behind which nothing comes."""
        upto = self._newest + 1 if everything else self._newest - self._lateness
        # A line that is held back must get through, even where our clock stood still over it all.
        held = (line.top + (len(line.held) >= MOST_HELD) for line in self._lines if line.more)
        upto = min([upto, *held])
        while True:
            heads = [
                (line.held[0][0], index) for index, line in enumerate(self._lines) if line.held
            ]
            time, index = min(heads, default=(upto, 0))
            if time >= upto:
                return
            line = self._lines[index]
            _, position, events = line.held.popleft()
            line.place = Place(position, time)
            yield Told(index, time, events)
