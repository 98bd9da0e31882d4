"""The event log as lists; the reference for every other log."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Batch, Record, Stream
from cloud_marketdata.storage.reading import PlainReader
from cloud_marketdata.storage.timed import Mark, TimedRecord, stamped
from cloud_marketdata.storage.wakeup import Wakeup


class _Entry(NamedTuple):
    record: TimedRecord
    received: int


class MemoryLog:
    """TimedLog in memory; entries of a stream are in the order of their positions.

    above: positions begin behind it. fenced: batches that were left out for their fence.
    """

    def __init__(self, clock: Clock, above: int = 0) -> None:
        self.fenced = 0
        self._fences: dict[tuple[Venue, str], int] = {}
        self._entries: dict[Stream, list[_Entry]] = {}
        self._position = above
        self._wakeup = Wakeup(clock)
        self._epoch = f"{clock.now():x}"

    async def append(self, batches: Sequence[Batch]) -> list[int]:
        """Keep the batches, all or none, and return their positions."""
        stamps = [stamped(batch) for batch in batches]
        positions = []
        for batch, (first, last, received) in zip(batches, stamps, strict=True):
            venue, symbol, _ = batch.stream
            if 0 < batch.fence < await self.fence(venue, symbol, batch.fence):
                self.fenced += 1
                positions.append(0)
                continue
            self._position += 1
            positions.append(self._position)
            record = TimedRecord(self._position, first, last, tuple(batch.events))
            self._entries.setdefault(batch.stream, []).append(_Entry(record, received))
        self._wakeup.notify({batch.stream[:2] for batch in batches})
        return positions

    async def fence(self, venue: Venue, symbol: str, token: int) -> int:
        """Have nothing more appended to a market under a lower token, except under none."""
        before = self._fences.get((venue, symbol), 0)
        self._fences[venue, symbol] = max(before, token)
        return before

    async def read(self, stream: Stream, *, after: int = 0, limit: int = 100) -> list[Record]:
        """Return at most `limit` entries above `after`, in order."""
        self._wakeup.look()
        entries = self._entries.get(stream, [])
        begin = bisect_right(entries, after, key=lambda entry: entry.record.position)
        return [_record(entry) for entry in islice(entries, begin, begin + limit)]

    async def reader(self, stream: Stream, *, after: int) -> PlainReader:
        """Return a reader that begins behind the position `after`."""
        return PlainReader(self, stream, after)

    async def last(self, stream: Stream) -> Record | None:
        """Return the newest entry, or None."""
        entries = self._entries.get(stream)
        return _record(entries[-1]) if entries else None

    async def streams(self) -> list[Stream]:
        """Return the streams that hold an entry, sorted."""
        return sorted(self._entries)

    async def epoch(self) -> str:
        """Return what this log is called: it ends with the process."""
        return self._epoch

    async def wait(self, venue: Venue, symbol: str, seconds: float) -> None:
        """Return when something may have been appended to it, at the latest after `seconds`."""
        await self._wakeup.wait((venue, symbol), seconds)

    async def trim(self, stream: Stream, *, upto: int, before: int) -> int:
        """Remove entries that are both consumed and old; the two that end the stream stay."""
        entries = self._entries.get(stream)
        if entries is None:
            return 0
        end = max(entries, key=lambda entry: entry.record.mark(newest=True))
        kept = [
            e for e in entries[:-1] if e is end or e.record.position > upto or e.received >= before
        ]
        kept.append(entries[-1])
        self._entries[stream] = kept
        return len(entries) - len(kept)

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
        """Return a page of the entries whose times touch the range, ordered by time."""
        records = (entry.record for entry in self._entries.get(stream, ()))
        touching = [record for record in records if record.first < end and record.last >= start]
        touching.sort(key=lambda record: record.mark(newest=newest), reverse=newest)
        if after is not None:
            touching = [
                record
                for record in touching
                if (
                    record.mark(newest=True) < after
                    if newest
                    else record.mark(newest=False) > after
                )
            ]
        return touching[:limit]


def _record(entry: _Entry) -> Record:
    return Record(entry.record.position, entry.record.events)
