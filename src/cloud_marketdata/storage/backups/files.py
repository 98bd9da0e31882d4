"""Files copied piece by piece and hashed meanwhile; folders that appear whole or not at all."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from cloud_marketdata.storage.backups.manifest import File

_PIECE: Final = 1 << 20
_OURS_ALONE: Final = 0o600


def copied(source: Path, folder: Path, path: str) -> File:
    """Copy a file to `path` below the folder, onto the disk; return what was written."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, opened_anew(target) as write:
        while piece := read.read(_PIECE):
            digest.update(piece)
            size += write.write(piece)
    return File(path, size, digest.hexdigest())


def described(folder: Path, path: str) -> File:
    """Return what a file below the folder holds, and have it on the disk."""
    digest, size = hashlib.sha256(), 0
    with (folder / path).open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
        os.fsync(file.fileno())
    return File(path, size, digest.hexdigest())


def extend_lines(source: Path, target: Path) -> None:
    """Bring a copy of a file that only grows up to its newest whole line."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, _opened(target, os.O_APPEND) as write:
        at = os.fstat(write.fileno()).st_size
        read.seek(at)
        while end := (piece := read.read(_PIECE)).rfind(b"\n") + 1:
            at += write.write(piece[:end])
            read.seek(at)


@contextmanager
def opened_anew(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is not there yet, for our user alone; afterwards it is on the disk."""
    with _opened(path, os.O_EXCL) as file:
        yield file


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder of another name that becomes `folder` when the block has ended well.

    Whatever goes wrong, nothing is left; a process that is killed leaves `<name>.unfinished-…`.
    Raises FileExistsError or OSError where somebody else has made something of that name meanwhile.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f"{folder.name}.unfinished-{secrets.token_hex(4)}")
    draft.mkdir(mode=0o700)
    try:
        yield draft
        for each, _, _ in os.walk(draft):
            _sync(Path(each))
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    _sync(folder.parent)


@contextmanager
def _opened(path: Path, how: int) -> Iterator[BinaryIO]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | how, _OURS_ALONE)
    with os.fdopen(handle, "wb") as file:
        yield file
        file.flush()
        os.fsync(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
