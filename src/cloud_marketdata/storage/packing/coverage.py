"""Rows and marks of a coverage ledger as bytes."""

import msgspec

from cloud_marketdata.domain.sheet import Marks, Row
from cloud_marketdata.storage.packing.envelope import seal, unseal

_rows = msgspec.msgpack.Decoder(Row)
_marks = msgspec.msgpack.Decoder(Marks)


def pack_row(row: Row) -> bytes:
    """Encode a row."""
    return seal(row)


def unpack_row(data: bytes) -> Row:
    """Decode what `pack_row` wrote; raises StorageError on an unknown version or damage."""
    row: Row = unseal(data, _rows)
    return row


def pack_marks(marks: Marks) -> bytes:
    """Encode marks."""
    return seal(marks)


def unpack_marks(data: bytes) -> Marks:
    """Decode what `pack_marks` wrote; raises StorageError on an unknown version or damage."""
    marks: Marks = unseal(data, _marks)
    return marks
