"""One capture file: made new, appended to line by line, owned by the kernel's lock.

A line is with the kernel when `write` returns, so a killed recorder loses nothing it had received.
Whoever holds the lock writes or packs the segment; nobody else touches it. The lock goes with its
process, however that ends.
"""

import fcntl
import os
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Self


class Segment:
    """A file and its lock; `size` is in bytes of whole lines."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.size = os.fstat(file.fileno()).st_size
        self._file = file

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the file; raises FileExistsError where it is there or somebody was quicker."""
        # Unbuffered; "x": never an older file.
        file = path.open("xb", buffering=0)
        if not _locked(file):
            file.close()
            raise FileExistsError(str(path))
        return cls(path, file)

    @classmethod
    def claim(cls, path: Path) -> Self | None:
        """Own a file that an ended recorder has left; None where it is somebody else's, or gone."""
        try:
            file = path.open("rb", buffering=0)
        except FileNotFoundError:
            return None
        if not _locked(file):
            file.close()
            return None
        return cls(path, file)

    def write(self, line: bytes) -> None:
        """Append a whole line; where that fails, raises OSError and leaves none of it behind."""
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(self.size)
            raise
        self.size += len(line)

    def close(self) -> None:
        """Give the lock back."""
        self._file.close()


def _locked(file: FileIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # It may have been packed and removed between being opened and being locked.
    return os.fstat(file.fileno()).st_nlink > 0
