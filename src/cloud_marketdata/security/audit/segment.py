"""One file of the log: lines are put behind each other and are on the disk before that returns.

What a refused write has left half done is written over by the next attempt at the same place. A
file that is gone, or shorter than we left it, is never filled up: that would hide what was done.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from cloud_marketdata.core.errors import StorageError

_STEP: Final = 64 * 1024


class DisturbedError(StorageError):
    """Somebody else removed or shortened the file meanwhile."""

    code = "audit_disturbed"


class Tail(NamedTuple):
    """The end of a file: its last whole line, the bytes of all whole ones, and those behind."""

    raw: bytes
    size: int
    torn: int


class Segment:
    """A file that is written to.

    size: bytes that are surely on the disk. low, high: first and last time (ns) of its lines.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path = path
        self.size = size
        self.low = self.high = 0

    def append(self, data: bytes | bytearray) -> None:
        """Put whole lines behind the others, on the disk itself.

        Raises StorageError, and the same may be tried again; DisturbedError where it may not.
        """
        with translated(self.path):
            handle = self._opened()
            try:
                if os.fstat(handle).st_size < self.size:
                    msg = f"audit {self.path.name}: somebody shortened it"
                    raise DisturbedError(msg)
                _write(handle, data, self.size)
                os.fsync(handle)
            finally:
                os.close(handle)
            if not self.size:
                _sync_folder(self.path.parent)
        self.size += len(data)

    def saw(self, ts: int) -> None:
        """Note the time of a line that is in it."""
        self.low = min(self.low or ts, ts)
        self.high = max(self.high, ts)

    def _opened(self) -> int:
        flags = os.O_WRONLY | os.O_CLOEXEC | (0 if self.size else os.O_CREAT)
        try:
            return os.open(self.path, flags, 0o600)
        except FileNotFoundError as error:
            if not self.size:
                raise
            msg = f"audit {self.path.name}: somebody removed it"
            raise DisturbedError(msg) from error


def tail_of(path: Path) -> Tail:
    """Read the end of a file; raises StorageError."""
    with translated(path), path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        data, at = b"", end
        # A whole line is known by the newlines on both of its sides, or by the file's beginning.
        while at and data.count(b"\n") < 2:  # noqa: PLR2004  one behind it, one before it
            at = max(0, at - _STEP)
            file.seek(at)
            data = file.read(end - at)
    whole, newline, torn = data.rpartition(b"\n")
    if not newline:
        return Tail(b"", 0, len(torn))
    return Tail(whole.rpartition(b"\n")[2], end - len(torn), len(torn))


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the system's errors into StorageError."""
    try:
        yield
    except OSError as error:
        msg = f"audit {path.name}: {error.strerror or error}"
        raise StorageError(msg) from error


def _write(handle: int, data: bytes | bytearray, at: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(handle, rest, at)
        rest, at = rest[written:], at + written


def _sync_folder(folder: Path) -> None:
    # The folder's own name too: it is as new as its first file.
    for each in (folder, folder.parent):
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
