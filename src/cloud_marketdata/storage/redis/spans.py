"""Times and positions as the bytes and ids that Redis keeps.

Integers of 64 bits are written big-endian above an offset, so that bytes sort as numbers do; a
script reads them in two halves, because its own numbers are floating-point.
"""

from struct import Struct
from typing import Final, NamedTuple, Self

from cloud_marketdata.storage.entry import Entry

_OFFSET: Final = 1 << 63
_LARGEST: Final = (1 << 64) - 1
_SEQUENCE_BITS: Final = 20
_SEQUENCES: Final = (1 << _SEQUENCE_BITS) - 1
_STAMP: Final = Struct(">BQQQ")
_TIMES: Final = Struct(">QQ")
NARROWEST: Final = 27
"""Entries narrower than 2**27 ns, 134 ms, are of one class."""


class Span(NamedTuple):
    """A log entry as the index of times has it."""

    first: int
    last: int
    position: int

    @classmethod
    def of(cls, member: bytes) -> Self:
        """Read a member of the index."""
        _, first, position, last = _STAMP.unpack(member)
        return cls(first - _OFFSET, last - _OFFSET, position)


def entry_id(position: int) -> str:
    """Return the id of a position: its milliseconds and its number within them."""
    return f"{position >> _SEQUENCE_BITS}-{position & _SEQUENCES}"


def position_at(milliseconds: int) -> int:
    """Return the first position of a millisecond since the epoch."""
    return milliseconds << _SEQUENCE_BITS


def position_of(identity: bytes) -> int:
    """Return the position of an id."""
    milliseconds, _, sequence = identity.partition(b"-")
    return position_at(int(milliseconds)) | int(sequence)


def width_class(first: int, last: int) -> int:
    """Return c, where last - first < 2**c."""
    return max(NARROWEST, (last - first).bit_length())


def stamp(entry: Entry) -> bytes:
    """Return the class of the width, the times and the receipt of an entry in 25 bytes."""
    wide = width_class(entry.first, entry.last)
    times = (entry.first + _OFFSET, entry.last + _OFFSET, entry.received + _OFFSET)
    return _STAMP.pack(wide, *times)


def stamped_times(stamped: bytes) -> tuple[int, int]:
    """Return the first and the last time of what `stamp` wrote."""
    _, first, last, _ = _STAMP.unpack(stamped)
    return first - _OFFSET, last - _OFFSET


def halves(time: int) -> tuple[int, int]:
    """Return a time as a script reads it; times that no entry can have are drawn to the rim."""
    return divmod(_clamped(time), 1 << 32)


def bound(wide: int, time: int, position: int = 0) -> bytes:
    """Return the beginning of the members of a class at or behind the time and position."""
    return bytes((wide,)) + _TIMES.pack(_clamped(time), position)


def _clamped(time: int) -> int:
    return max(0, min(time + _OFFSET, _LARGEST))
