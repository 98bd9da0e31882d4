"""Events that wait for the log, by stream, in their order.

Above its bound sessions stop reading their sockets. Then nobody can vouch that a stream is alive,
whatever its connection looks like: what the venue sent waits in the kernel and goes with a killed
process. So such words are left out until there is room, and the next one says all that they would.
"""

from collections.abc import Iterable, Sequence

from cloud_marketdata.domain.events import LogEvent, StatusEvent, StatusKind
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind


class Backlog:
    """`count` is how many events were put and are not written yet; `most` is its bound.

    unsaid: words that a stream is alive which were left out.
    """

    def __init__(self, most: int) -> None:
        self.count = self.unsaid = 0
        self.most = most
        self._events: dict[tuple[Stream, int], list[LogEvent]] = {}

    @property
    def full(self) -> bool:
        """Whether it is above its bound."""
        return self.count > self.most

    @property
    def untaken(self) -> bool:
        """Whether there are events that `take` would return."""
        return bool(self._events)

    def put(self, batches: Iterable[Batch]) -> None:
        """Add events behind those of their streams."""
        for stream, events, fence in batches:
            kept = self._sayable(stream, events) if self.full else events
            if kept:
                self._events.setdefault((stream, fence), []).extend(kept)
                self.count += len(kept)

    def take(self) -> list[Batch]:
        """Return all, a batch for each stream and fence; it goes on counting until `written`."""
        taken, self._events = self._events, {}
        return [Batch(stream, events, fence) for (stream, fence), events in taken.items()]

    def written(self, count: int) -> None:
        """Note that so many of the events that were taken wait no longer."""
        self.count -= count

    def _sayable(self, stream: Stream, events: Sequence[LogEvent]) -> Sequence[LogEvent]:
        if stream.kind is not StreamKind.STATUS:
            return events
        kept = [event for event in events if not _is_alive(event)]
        self.unsaid += len(events) - len(kept)
        return kept


def _is_alive(event: LogEvent) -> bool:
    return isinstance(event, StatusEvent) and event.kind is StatusKind.ALIVE
