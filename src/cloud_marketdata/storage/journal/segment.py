"""One file of a journal: frames are written behind each other, and it is read as a whole.

A frame is in the page cache before `write` returns, so it survives the process however that ends;
`sync` makes it survive the machine. What a failed write has left is cut off again.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry
from cloud_marketdata.storage.journal.frames import MAGIC, content, framed

_NEW: Final = ".new"


class Segment:
    """A file; `size` in bytes is how much of it counts, `count` how many entries were put there."""

    def __init__(self, path: Path, size: int = 0, count: int = 0) -> None:
        self.path = path
        self.size = size
        self.count = count
        self.torn = False

    @classmethod
    def found(cls, path: Path) -> tuple["Segment", list[Entry], int]:
        """Return the segment of a file, its entries, and how many bytes behind them are torn.

        Raises StorageError on damage.
        """
        with translated(path):
            data = path.read_bytes()
        entries, end = content(path, data)
        return cls(path, end, len(entries)), entries, len(data) - end

    def cut(self) -> None:
        """Remove what is behind the part that counts; raises StorageError."""
        with translated(self.path):
            os.truncate(self.path, self.size)
        self.torn = False

    def write(self, frame: bytes, count: int) -> None:
        """Put a frame of `count` entries behind the others, whole or not at all.

        Raises StorageError; then `torn` tells whether what was begun could not be removed.
        """
        data = frame if self.size else MAGIC + frame
        try:
            with translated(self.path):
                _write(self.path, data, self.size)
        except StorageError:
            self.torn = True
            self.cut()
            raise
        self.size += len(data)
        self.count += count

    def load(self) -> list[Entry]:
        """Return all entries; raises StorageError where less can be read than was written."""
        with translated(self.path), self.path.open("rb") as file:
            data = file.read(self.size)
        entries, end = content(self.path, data)
        if end != self.size:
            msg = f"journal {self.path.name} at byte {end}: it ends before byte {self.size}"
            raise StorageError(msg)
        return entries

    def replace(self, entries: Sequence[Entry]) -> None:
        """Hold these entries instead, in one step; raises StorageError, and nothing changes."""
        new = self.path.with_suffix(_NEW)
        data = MAGIC + framed(entries)
        with translated(self.path):
            _write(new, data, 0)
            sync(new)
            new.replace(self.path)
            sync(self.path.parent)
        self.size, self.count = len(data), len(entries)

    def remove(self) -> None:
        """Delete the file; raises StorageError."""
        with translated(self.path):
            self.path.unlink(missing_ok=True)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the system's errors into StorageError."""
    try:
        yield
    except OSError as error:
        msg = f"journal {path.name}: {error.strerror or error}"
        raise StorageError(msg) from error


def sync(path: Path) -> None:
    """Have a file or a folder's list of files on the disk itself; raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: bytes, at: int) -> None:
    # What a failed attempt has left of a file that never came to be goes with the next one.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | (0 if at else os.O_TRUNC), 0o600)
    try:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(handle, rest, at)
            rest, at = rest[written:], at + written
    finally:
        os.close(handle)
