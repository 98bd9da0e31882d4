"""A log on a server that fails in every way a real one can, and remembers what it acknowledged.

It writes as a server's script does: a stream's entries in their order, one that is there already
changes nothing, and one whose position another entry has or has passed is taken.
"""

import asyncio
from collections.abc import Sequence
from enum import StrEnum

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry, TakenError, unstamped
from cloud_marketdata.storage.ports import Batch, Record, Stream
from cloud_marketdata.storage.timed import TimedRecord


class Fault(StrEnum):
    """What happens to one call of `write`."""

    REFUSE = "nothing is written, and an error comes back"
    LOSE = "all is written, and the reply is lost"
    HALF = "a part is written, and an error comes back"
    HANG = "nothing is written, and no answer comes"
    HANG_LATE = "all is written, and no answer comes"


class UnreliableLog:
    """RemoteLog in memory; `faults` strike the next calls in turn, `away` all of them."""

    def __init__(self) -> None:
        self.entries: dict[Stream, list[Entry]] = {}
        self.faults: list[Fault | None] = []
        self.away = False
        self.writes = 0
        self._position = 0
        self._acknowledged: set[tuple[Stream, int]] = set()

    async def stamp(self, batches: Sequence[Batch]) -> list[Entry]:
        """Return entries at positions above all that this server has stamped."""
        made = []
        for batch in batches:
            self._position += 1
            made.append(unstamped(batch)._replace(position=self._position))
        return made

    async def write(self, entries: Sequence[Entry]) -> None:
        """See RemoteLog; fails as planned."""
        self.writes += 1
        await asyncio.sleep(0)
        fault = Fault.REFUSE if self.away else self.faults.pop(0) if self.faults else None
        if fault in {Fault.REFUSE, Fault.HANG}:
            entries = []
        elif fault is Fault.HALF:
            entries = entries[: len(entries) // 2]
        taken = self._apply(entries)
        if fault in {Fault.HANG, Fault.HANG_LATE}:
            await asyncio.Event().wait()
        if fault:
            raise StorageError(fault)
        if taken:
            raise taken
        self._acknowledged |= {(entry.stream, entry.position) for entry in entries}

    def intrude(self, entry: Entry, ahead: int) -> int:
        """Append for somebody else, so far behind the stream's end; return the position."""
        position = self.end(entry.stream) + ahead
        self.entries.setdefault(entry.stream, []).append(entry._replace(position=position))
        self._acknowledged.add((entry.stream, position))
        return position

    def forget(self) -> None:
        """Fail over to a replica that has only what was acknowledged, and what came before it."""
        for stream, entries in self.entries.items():
            while entries and (stream, entries[-1].position) not in self._acknowledged:
                entries.pop()

    def end(self, stream: Stream) -> int:
        """Return the highest position of a stream."""
        entries = self.entries.get(stream)
        return entries[-1].position if entries else 0

    async def last(self, stream: Stream) -> Record | None:
        """Return the newest entry, without its events."""
        return Record(self.end(stream), ()) if self.entries.get(stream) else None

    async def epoch(self) -> str:
        """Return its name."""
        return "unreliable"

    async def reader(self, stream: Stream, *, after: int) -> tuple[Stream, int]:
        """Return what was asked for."""
        return stream, after

    async def overlapping(
        self, stream: Stream, start: int, end: int, *, limit: int, **_options: object
    ) -> list[TimedRecord]:
        """Return the entries that touch the range, without their events."""
        found = [e for e in self.entries.get(stream, ()) if e.first < end and e.last >= start]
        return [TimedRecord(e.position, e.first, e.last, ()) for e in found[:limit]]

    def _apply(self, entries: Sequence[Entry]) -> TakenError | None:
        refused: dict[Stream, TakenError] = {}
        for entry in entries:
            stream = entry.stream
            if stream in refused or entry in self.entries.get(stream, ()):
                continue
            if entry.position <= self.end(stream):
                refused[stream] = TakenError(stream, entry.position, self.end(stream))
            else:
                self.entries.setdefault(stream, []).append(entry)
        return next(iter(refused.values()), None)
