"""The rows of a profile as JSON text, all rows at once.

A long profile has tens of thousands of numbers, and one Decimal for each would cost more than all
else in an answer. Here they are written digit by digit in columns of 64-bit integers: exact, and
byte for byte what the declared model gives. What does not fit 64 bits is refused with None.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from cloud_marketdata.domain.instrument import Scale

Column = npt.NDArray[np.int64]
Table = npt.NDArray[np.int64]
Text = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_LIMIT: Final = 1 << 63
_FOUR: Final = 10_000
_DIGITS: Final = np.frombuffer(b"".join(b"%04d" % n for n in range(_FOUR)), np.uint32)
"""Four digits of text, as one number, for every number below 10,000."""
_PRICES: Final = ("low", "high")
_SIZES: Final = ("buy", "sell", "delta")
_COUNTS: Final = ("buy_count", "sell_count")


def rows_json(table: Table, scale: Scale, row_ticks: int) -> bytes | None:
    """Write rows as a JSON array; None where a number would be beyond 64 bits.

    table: seven columns as in `domain.columns`, the rows counted in `row_ticks`.
    """
    if not table.shape[1]:
        return b"[]"
    tick, lot = _Step(scale.tick), _Step(scale.lot)
    highest = max(abs(int(table[0, 0])), abs(int(table[0, -1]))) + 1
    # The most negative integer has no positive twin, so its distance is taken by Python.
    most = max(abs(int(table[1:].max())), abs(int(table[1:].min())))
    if max(highest * row_ticks * tick.whole, 2 * most * lot.whole) >= _LIMIT:
        return None
    low = table[0] * row_ticks
    numbers = {
        **dict(zip(_PRICES, (low, low + (row_ticks - 1)), strict=True)),
        **dict(zip(_SIZES, (table[1], table[2], table[1] - table[2]), strict=True)),
        **dict(zip(_COUNTS, (table[5], table[6]), strict=True)),
    }
    steps = dict.fromkeys(_PRICES, tick) | dict.fromkeys(_SIZES, lot)
    fields = [_Field(name, column, steps.get(name)) for name, column in numbers.items()]
    return b"[" + _joined(fields, table.shape[1])[:-1] + b"]"


class _Step:
    """A tick or a lot as an integer over a power of ten."""

    def __init__(self, step: Decimal) -> None:
        _, digits, exponent = step.as_tuple()
        assert isinstance(exponent, int), "a scale's steps are finite"
        self.places = max(0, -exponent)
        self.whole = int("".join(map(str, digits))) * 10 ** max(0, exponent)


class _Field:
    """One member of every row: its name and quotes, and its digits, right-aligned.

    head: the text before the number. width: of the number in bytes, at most.
    """

    def __init__(self, name: str, column: Column, step: _Step | None) -> None:
        quote = '"' if step else ""
        self.head = f'"{name}":{quote}'.encode()
        self.tail = f"{quote},".encode()
        self._places = step.places if step else 0
        self._negative = column < 0
        self._signed = bool(self._negative.any())
        self._size = np.abs(column) * (step.whole if step else 1)
        self._fewest = max(self._places + 1, len(str(int(self._size.min()))))
        self._most = max(self._places + 1, len(str(int(self._size.max()))))
        self.width = self._signed + self._most + bool(self._places)

    def write(self, text: Text, mask: Mask) -> None:
        """Fill the columns of this number, and say which of their bytes count."""
        if self._signed:
            text[:, 0], mask[:, 0] = ord("-"), self._negative
        digits = _digits_of(self._size, self._most)
        whole = self._most - self._places
        text[:, self._signed : self._signed + whole] = digits[:, :whole]
        if self._places:
            text[:, self._signed + whole] = ord(".")
            text[:, -self._places :] = digits[:, whole:]
        # Leading zeros do not count; where all numbers are long enough there are none.
        for at in range(self._most - self._fewest):
            mask[:, self._signed + at] = self._size >= 10 ** (self._most - at - 1)


def _digits_of(numbers: Column, most: int) -> Text:
    """Return the last `most` digits of each number as text, with leading zeros."""
    groups = -(-most // 4)
    text = np.empty((len(numbers), groups), np.uint32)
    rest = numbers
    for at in reversed(range(groups)):
        higher = rest // _FOUR
        text[:, at] = _DIGITS[rest - higher * _FOUR]
        rest = higher
    return text.view(np.uint8)[:, 4 * groups - most :]


def _joined(fields: Sequence[_Field], count: int) -> bytes:
    width = 2 + sum(len(field.head) + field.width + len(field.tail) for field in fields)
    text = np.empty((count, width), np.uint8)
    mask = np.ones((count, width), np.bool_)
    text[:, 0] = ord("{")
    at = 1
    for field in fields:
        number = at + len(field.head)
        tail = number + field.width
        text[:, at:number] = np.frombuffer(field.head, np.uint8)
        field.write(text[:, number:tail], mask[:, number:tail])
        at = tail + len(field.tail)
        text[:, tail:at] = np.frombuffer(field.tail, np.uint8)
    # The last member's comma becomes the end of the row.
    text[:, at - 1], text[:, at] = ord("}"), ord(",")
    return text[mask].tobytes()
