"""The folder in which keys are delivered as files, one file a lineage, mode 0600.

A file is replaced whole: what is to come is written aside and made durable first, so that a full
disk is known before a key is made, and then renamed into place. One process at a time delivers into
a folder. The lock is the kernel's: a process that stands still keeps it, however long, and so never
wakes up to write an older key over a newer one; one that dies gives it back.
"""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO, Final

from cloud_marketdata.security.keys.form import parse
from cloud_marketdata.security.refusals import KeyInvalidError

_LOCK: Final = ".delivery.lock"
_LONGEST: Final = 256


class KeyFolder:
    """Delivers keys; blocks on the disk and raises OSError where it refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def owned(self) -> BinaryIO | None:
        """Own the folder until what is returned is closed; None where another process does."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (self._folder / _LOCK).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            if isinstance(error, BlockingIOError):
                return None
            raise
        return lock

    def held(self, name: str) -> str:
        """Return the id of the key in a file, or nothing where there is no key in it."""
        try:
            with (self._folder / name).open() as file:
                return parse(file.read(_LONGEST).strip()).id
        except (FileNotFoundError, UnicodeDecodeError, KeyInvalidError):
            return ""

    def stage(self, name: str, text: str) -> None:
        """Write what is to become the file, durably and beside it."""
        self.discard(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(self._aside(name), flags, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(handle)

    def publish(self, name: str) -> None:
        """Put what was staged in the place of the file, durably."""
        self._aside(name).replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self, name: str) -> None:
        """Remove what was staged, by whomever."""
        self._aside(name).unlink(missing_ok=True)

    def _aside(self, name: str) -> Path:
        return self._folder / f".{name}.new"
