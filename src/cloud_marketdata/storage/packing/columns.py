"""Columns: a sequence of exact integers, or of trade ids, as few bytes and in little time.

The narrowest form that holds every value is taken: one number when all are equal, 32 or 64 bits
little-endian otherwise, and text where an integer is beyond 64 bits. The choice depends on the
values alone, so equal columns have equal bytes.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
from msgspec import Struct

IntColumn = int | bytes | list[str]
"""All equal, fixed width, or text for integers of any size."""

_I64_LIMIT = 1 << 63


class NamedIds(Struct):
    """Trade ids of which at least one is text; `numbers` are the places of those that are not."""

    texts: list[str]
    numbers: list[int]


IdColumn = IntColumn | NamedIds


def pack_ints(values: Sequence[int]) -> IntColumn:
    """Encode integers of any size; an empty column is empty bytes."""
    column = _fixed(values)
    return list(map(str, values)) if column is None else column


def unpack_ints(column: IntColumn, count: int) -> Sequence[int]:
    """Decode the `count` integers that `pack_ints` was given.

    Raises ValueError where the column does not hold as many.
    """
    if isinstance(column, int):
        return (column,) * count
    if isinstance(column, bytes):
        width = "i" if len(column) == 4 * count else "q"
        try:
            return struct.unpack(f"<{count}{width}", column)
        except struct.error as error:
            raise ValueError(str(error)) from None
    if len(column) != count:
        msg = f"a column of {len(column)} where {count} are due"
        raise ValueError(msg)
    return list(map(int, column))


def unpack_wide(column: int | bytes, count: int) -> int | npt.NDArray[np.int32 | np.int64]:
    """Decode as `unpack_ints` a column that is not text, to be copied into 64-bit integers."""
    if isinstance(column, int):
        return column
    width = "<i4" if len(column) == 4 * count else "<i8"
    found = np.frombuffer(column, dtype=width)
    if len(found) != count:
        msg = f"a column of {len(found)} where {count} are due"
        raise ValueError(msg)
    return found


def pack_ids(ids: Sequence[int | str]) -> IdColumn:
    """Encode trade ids, which are integers or text, or a mixture of both."""
    column = _fixed(ids)
    if column is not None:
        return column
    if all(isinstance(one, int) for one in ids):
        return pack_ints(ids)  # type: ignore[arg-type]  # the line above looked
    numbers = [place for place, one in enumerate(ids) if isinstance(one, int)]
    return NamedIds(list(map(str, ids)), numbers)


def unpack_ids(column: IdColumn, count: int) -> Sequence[int | str]:
    """Decode the `count` ids that `pack_ids` was given; raises ValueError as `unpack_ints`."""
    if not isinstance(column, NamedIds):
        return unpack_ints(column, count)
    if len(column.texts) != count:
        msg = f"a column of {len(column.texts)} where {count} are due"
        raise ValueError(msg)
    ids: list[int | str] = list(column.texts)
    for place in column.numbers:
        ids[place] = int(ids[place])
    return ids


def _fixed(values: Sequence[int | str]) -> int | bytes | None:
    """Encode without text, or return None where a value is text or beyond 64 bits."""
    if not values:
        return b""
    first = values[0]
    if not isinstance(first, int):
        return None
    if first == values[-1] and values.count(first) == len(values) and _fits(first):
        return first
    # To try and to fail at the first wide value is quicker than to look for the extremes.
    for width in "iq":
        with suppress(struct.error):
            return struct.pack(f"<{len(values)}{width}", *values)
    return None


def _fits(value: int) -> bool:
    return -_I64_LIMIT <= value < _I64_LIMIT
