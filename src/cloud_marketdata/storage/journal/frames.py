"""Frames of a journal's file: what one `add` was given, with its length and two checksums.

The header has a checksum of its own, so that a wrong length is never followed past what it hides. A
frame that the file's end cuts off was never acknowledged: it is torn. Everything else that does not
fit its checksums is damage, and is refused with its place.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn
from zlib import crc32

import msgspec

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry

MAGIC: Final = b"mdjrnl1\n"
_HEAD: Final = struct.Struct("<II")
_CHECK: Final = struct.Struct("<I")
_HEADER: Final = _HEAD.size + _CHECK.size
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Entry])


class Content(NamedTuple):
    """What a file holds: its entries, and where its last whole frame ends."""

    entries: list[Entry]
    end: int


def framed(entries: Sequence[Entry]) -> bytes:
    """Return the frame of entries that are kept together or not at all."""
    body = _encoder.encode(entries)
    head = _HEAD.pack(len(body), crc32(body))
    return head + _CHECK.pack(crc32(head)) + body


def content(path: Path, data: bytes) -> Content:
    """Read a file's bytes up to the first frame that is torn.

    Raises StorageError, naming file and offset, on damage and on a file that is no journal.
    """
    if not data.startswith(MAGIC):
        if MAGIC.startswith(data):
            return Content([], 0)
        _refuse(path, 0, "it is no journal, or one of another version")
    entries: list[Entry] = []
    at = len(MAGIC)
    while (end := _whole(path, data, at)) is not None:
        entries += _decoded(path, data, at, end)
        at = end
    return Content(entries, at)


def _whole(path: Path, data: bytes, at: int) -> int | None:
    """Return where the frame at `at` ends; None where the file ends inside it."""
    if len(data) - at < _HEADER:
        return None
    head = data[at : at + _HEAD.size]
    if _CHECK.unpack_from(data, at + _HEAD.size) != (crc32(head),):
        # A power cut can leave a file its length and take what was in it.
        if not data[at:].strip(b"\0"):
            return None
        _refuse(path, at, "the header of a record is damaged")
    length, check = _HEAD.unpack(head)
    end = at + _HEADER + int(length)
    if end > len(data):
        return None
    if crc32(memoryview(data)[at + _HEADER : end]) == check:
        return end
    if end < len(data):
        _refuse(path, at, "a record is damaged")
    # The last record of all: the file grew, and the end of the data was lost with the power.
    return None


def _decoded(path: Path, data: bytes, at: int, end: int) -> list[Entry]:
    try:
        return _decoder.decode(memoryview(data)[at + _HEADER : end])
    except msgspec.MsgspecError as error:
        _refuse(path, at, f"a record cannot be read: {error}")


def _refuse(path: Path, at: int, why: str) -> NoReturn:
    msg = f"journal {path.name} at byte {at}: {why}"
    raise StorageError(msg)
