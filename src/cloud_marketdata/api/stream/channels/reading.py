"""Reads on behind a place of a trades stream and notices when entries may have gone in between.

Positions are not contiguous, so a hole does not show in them. What proves that there is none is the
entry where the reader stands: entries go in the order of their age, so as long as that one is held,
and too young to go, nothing behind it is gone.
"""

from typing import Final, NamedTuple

from cloud_marketdata.api.stream.channels.tape import received
from cloud_marketdata.storage.ports import EventLog, Record, Stream

PAGE: Final = 50


class Read(NamedTuple):
    """The entries behind a place, and the one at the place itself, if it is still held."""

    records: list[Record]
    anchor: Record | None

    def whole(self, kept_since: int) -> bool:
        """Whether nothing can have gone: trimming takes what was received before `kept_since`.

        An older anchor proves nothing: the log keeps the entry with the newest match time while
        younger ones go that were filled in behind it.
        """
        if self.anchor is None:
            return False
        return not self.records or received(self.anchor) >= kept_since


async def read_on(log: EventLog, stream: Stream, at: int) -> Read:
    """Read a page behind the entry at `at`, which is read once more to see whether it is held."""
    found = await log.read(stream, after=max(0, at - 1), limit=PAGE + 1)
    if found and found[0].position == at:
        return Read(found[1:], found[0])
    return Read(found[:PAGE], None)
