"""What a log must tell besides EventLog so that trades can be found by match time.

The port of the log knows positions only. Every backend also keeps the first and last match time of
each entry, and this is the one question asked of them. Entries may overlap: trades arrive late.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from cloud_marketdata.domain.events import LogEvent, StatusEvent
from cloud_marketdata.storage.ports import Batch, EventLog, Stream


class TimedRecord(NamedTuple):
    """A log entry with the earliest and the latest exchange_time of its events, in ns."""

    position: int
    first: int
    last: int
    events: Sequence[LogEvent]

    def mark(self, *, newest: bool) -> "Mark":
        """Return the place of this entry in the order of `overlapping`."""
        return (self.last if newest else self.first), self.position


Mark = tuple[int, int]
"""A time and a position: where a page of `overlapping` ended."""


class TimedLog(EventLog, Protocol):
    """A log that can be searched by match time."""

    async def overlapping(
        self,
        stream: Stream,
        start: int,
        end: int,
        *,
        limit: int,
        newest: bool = False,
        after: Mark | None = None,
    ) -> list[TimedRecord]:
        """Return at most `limit` entries that may hold events with start <= exchange_time < end.

        They come in ascending order of (first, position), or with `newest` in descending order of
        (last, position), and only those beyond the mark `after` in that order.
        """
        ...


def stamped(batch: Batch) -> tuple[int, int, int]:
    """Return first and last exchange_time and the latest received_at of a batch, in ns.

    Status facts have no exchange_time; their receipt stands for it. Raises ValueError on a batch
    without events.
    """
    events = batch.events
    if not events:
        msg = f"a batch of {batch.stream} without events"
        raise ValueError(msg)
    received = [event.received_at for event in events]
    times = [
        event.received_at if isinstance(event, StatusEvent) else event.exchange_time
        for event in events
    ]
    return min(times), max(times), max(received)
