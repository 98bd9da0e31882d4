"""A log entry as it is written: stamped with its position, packed, complete in itself.

A position is chosen before the first attempt to write, so the same entry may be written any number
of times: a log that has it already changes nothing. The journal keeps entries in this very form
while the log is away. A batch without events cannot become one.
"""

from typing import NamedTuple

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.packing import pack_events
from cloud_marketdata.storage.ports import Batch, Stream
from cloud_marketdata.storage.timed import stamped


class Entry(NamedTuple):
    """One batch under its position.

    first, last: earliest and latest exchange_time of its events, in ns.
    received: latest received_at of its events, in ns.
    block: the events as `packing.pack_events` wrote them.
    fence: the token under which they were collected; 0 where there is none, as in old journals.
    """

    stream: Stream
    position: int
    first: int
    last: int
    received: int
    block: bytes
    fence: int = 0


class TakenError(StorageError):
    """Another appender's entries stand at or above the position of an entry that is to be written.

    position: of the first entry of `stream` that was refused. It is not in the log under that
    position and never will be, nor is any later one of the same call; those before it are.
    last: the log's highest position of the stream, above which they may be stamped again.
    """

    def __init__(self, stream: Stream, position: int, last: int) -> None:
        super().__init__(f"{stream}: position {position} is taken, the log stands at {last}")
        self.stream = stream
        self.position = position
        self.last = last


def unstamped(batch: Batch) -> Entry:
    """Pack a batch as the entry it will be; its position is 0 until the log's appender chooses one.

    Raises ValueError on a batch without events or with kinds that do not belong together.
    """
    first, last, received = stamped(batch)
    block = pack_events(batch.events)
    return Entry(batch.stream, 0, first, last, received, block, batch.fence)
