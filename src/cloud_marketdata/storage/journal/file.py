"""What waits for the log, first in first out, in a bounded folder of this machine's disk.

Small files follow each other; the first is read and deleted, the last is written. A file goes when
all of it has been dropped, so a restart brings back at worst the entries of one file again, which
the log knows. It survives a killed process; what was added after the last `sync` may be lost with
the machine's power. It refuses what is beyond its bound, and to open over damage: to go on
behind that would lose something in silence, and only people can say whether they accept it.
"""

from collections import Counter, deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry, TakenError
from cloud_marketdata.storage.journal.frames import framed
from cloud_marketdata.storage.journal.segment import Segment, sync, translated
from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.stamps import stamped_again

_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_NAMES: Final = "[0-9]" * 16 + ".journal"
_SHARE: Final = 8
"""A file is at most this part of the bound, so that room comes back in small steps."""


class JournalFullError(StorageError):
    """The journal's bound is reached; what was to be added has not been."""

    code = "journal_full"


class Journal:
    """Entries in the order in which they were added; to be used by one thread at a time.

    most_bytes: what does not fit below it is refused, unless the journal is empty.
    waiting: entries by stream. highest: the highest position found at opening. torn: bytes of an
    unfinished `add` that were cut off then. since: when the first entry since it was last empty was
    received, in ns; None while it is empty.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.entries = self.bytes = self.highest = self.torn = 0
        self.since: int | None = None
        self.waiting: Counter[Stream] = Counter()
        self._folder = folder
        self._most_bytes = most_bytes
        self._roll_bytes = min(_SEGMENT_BYTES, most_bytes // _SHARE)
        self._segments: deque[Segment] = deque()
        self._head: deque[Entry] | None = None
        self._number = 0
        self._unsynced: set[Path] = set()
        self._recover()

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep the entries, all or none.

        Raises JournalFullError beyond the bound and StorageError where the disk refuses.
        """
        frame = framed(entries)
        if self.entries and self.bytes + len(frame) > self._most_bytes:
            msg = f"the journal is full: {self.bytes} of {self._most_bytes} bytes"
            raise JournalFullError(msg)
        segment = self._writable()
        before = segment.size
        segment.write(frame, len(entries))
        self._unsynced.add(segment.path)
        if before == 0:
            self._segments.append(segment)
            self._number += 1
        self.bytes += segment.size - before
        self._note(entries)

    def first(self, limit: int) -> list[Entry]:
        """Return some of the oldest entries, at most `limit`; none only where it is empty.

        Raises StorageError where they cannot be read.
        """
        if self._head is None and self._segments:
            # From here on nothing is written to this file any more.
            self._head = deque(self._segments[0].load())
        return list(islice(self._head or (), limit))

    def drop(self, count: int) -> None:
        """Forget that many of the entries which `first` returned; raises StorageError."""
        head = self._head
        assert head is not None, "only what has been returned can be dropped"
        if count == len(head):
            segment = self._segments[0]
            segment.remove()
            self._segments.popleft()
            self._unsynced.discard(segment.path)
            self.bytes -= segment.size
            self._head = None
        self._forget([head.popleft() for _ in range(count)])

    def restamp(self, taken: TakenError) -> None:
        """Give the refused entries of a stream new positions, before they are written by these.

        Only the first file is changed: a later one has its turn if it is refused in its turn.
        """
        assert self._head is not None, "only what has been returned can be refused"
        segment, entries = self._segments[0], stamped_again(self._head, taken)
        before = segment.size
        segment.replace(entries)
        self.bytes += segment.size - before
        self._head = deque(entries)

    def sync(self) -> None:
        """Have everything on the disk itself; raises StorageError."""
        if self._unsynced:
            for path in self._unsynced:
                with translated(path):
                    sync(path)
            with translated(self._folder):
                sync(self._folder)
            self._unsynced.clear()

    def _writable(self) -> Segment:
        """Return the file to write to, which may be one that is not there yet."""
        if self._segments:
            last = self._segments[-1]
            if last.torn:
                # Nothing may stand behind a torn frame.
                last.cut()
            reading = self._head is not None and last is self._segments[0]
            if last.size < self._roll_bytes and not reading:
                return last
        # A file that others follow is whole also after a power cut.
        self.sync()
        return Segment(self._folder / f"{self._number + 1:016d}.journal")

    def _note(self, entries: Sequence[Entry]) -> None:
        if self.since is None and entries:
            self.since = entries[0].received
        self.entries += len(entries)
        self.waiting.update(entry.stream for entry in entries)

    def _forget(self, entries: Sequence[Entry]) -> None:
        self.entries -= len(entries)
        self.waiting -= Counter(entry.stream for entry in entries)
        if not self.entries:
            self.since = None

    def _recover(self) -> None:
        with translated(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in self._folder.glob("*.new"):
                path.unlink()
            paths = sorted(self._folder.glob(_NAMES))
        for path in paths:
            self._take(path, last=path is paths[-1])

    def _take(self, path: Path, *, last: bool) -> None:
        segment, entries, torn = Segment.found(path)
        if torn and not last:
            msg = f"journal {path.name} at byte {segment.size}: cut off, and others follow it"
            raise StorageError(msg)
        self.torn += torn
        if not entries:
            segment.remove()
            return
        if torn:
            segment.cut()
        self._segments.append(segment)
        self._number = int(path.stem)
        self.bytes += segment.size
        self.highest = max(self.highest, *(entry.position for entry in entries))
        self._note(entries)
