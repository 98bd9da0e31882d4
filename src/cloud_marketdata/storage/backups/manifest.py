"""What a backup says of itself: a head, every file with its size and SHA-256, and a seal over all.

One JSON document a line, so that neither writing nor reading it takes more memory for more files.
The seal is the hash of every line before it; a list that is cut or altered is refused.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal

import msgspec

from cloud_marketdata.core.errors import BadRequestError

NAME: Final = "backup.jsonl"
FORMAT: Final = 1


class DamagedListError(BadRequestError):
    """The list of a backup is not as it was written."""

    def __init__(self, how: str) -> None:
        super().__init__(f"{NAME} is damaged: {how}")


class Head(msgspec.Struct, frozen=True, tag="backup", forbid_unknown_fields=True):
    """What was copied, when and by which program.

    made_at: ns since the epoch, at which all of it was true. hot, warm: versions of the schemas.
    position: the newest of the log. cold: whether the cold tier is inside, or elsewhere.
    """

    format: int
    made_at: int
    program: str
    hot: int
    warm: int
    position: int
    cold: Literal["inside", "elsewhere"]


class File(msgspec.Struct, frozen=True, tag="file", forbid_unknown_fields=True):
    """One file, by its path inside the backup."""

    path: str
    size: int
    sha256: str


class Seal(msgspec.Struct, frozen=True, tag="seal", forbid_unknown_fields=True):
    """The last line: how many files, their bytes, and the SHA-256 of all lines before it."""

    files: int
    bytes: int
    sha256: str


class ManifestWriter:
    """Writes the list of a backup, file by file; without `seal` it is none."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self.files = self.bytes = 0
        self._file = file
        self._hash = hashlib.sha256()
        self._line(head)

    def add(self, file: File) -> None:
        """List a file."""
        self.files += 1
        self.bytes += file.size
        self._line(file)

    def seal(self) -> None:
        """Write the last line."""
        self._line(Seal(self.files, self.bytes, self._hash.hexdigest()))

    def _line(self, said: Head | File | Seal) -> None:
        line = msgspec.json.encode(said) + b"\n"
        self._hash.update(line)
        self._file.write(line)


def read_head(folder: Path) -> Head:
    """Return the head of a list that is whole; raises BadRequestError where there is no such."""
    deque(read_files(folder), maxlen=0)
    said = next(_lines(folder))
    if isinstance(said, Head):
        return said
    how = "it does not begin as one"
    raise DamagedListError(how)


def read_files(folder: Path) -> Iterator[File]:
    """Yield the files; raises BadRequestError at the end where the seal is broken or missing."""
    digest = hashlib.sha256()
    files = size = 0
    sealed = False
    for said in _lines(folder):
        if sealed:
            how = "it goes on behind its seal"
            raise DamagedListError(how)
        if isinstance(said, File):
            files, size = files + 1, size + said.size
            yield said
        sealed = said == Seal(files, size, digest.hexdigest())
        digest.update(msgspec.json.encode(said) + b"\n")
    if not sealed:
        how = "its seal is broken"
        raise DamagedListError(how)


def _lines(folder: Path) -> Iterator[Head | File | Seal]:
    path = folder / NAME
    if not path.is_file():
        msg = f"{folder} is no backup: there is no {NAME} in it"
        raise BadRequestError(msg)
    decoder = msgspec.json.Decoder(Head | File | Seal)
    with path.open("rb") as file:
        for line in file:
            try:
                said = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DamagedListError(str(error)) from error
            if msgspec.json.encode(said) + b"\n" != line:
                how = "a line is not as it was written"
                raise DamagedListError(how)
            yield said
