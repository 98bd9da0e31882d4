"""Trades the venue has sent so far, as its REST remembers them: the newest, up to a bound."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Final, Generic, TypeVar

KEPT: Final = 50_000

Row = TypeVar("Row")


class Tape(Generic[Row]):
    """Rows of one symbol in the order they happened, found by an id that only grows.

    `now` gives the moment a row arrives, on a clock that never steps.
    """

    def __init__(self, id_of: Callable[[Row], int], now: Callable[[], float]) -> None:
        self._id_of = id_of
        self._now = now
        self._rows: list[Row] = []
        self._arrived: list[float] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> None:
        """Append a row; the oldest ones go when twice the bound is reached."""
        self._rows.append(row)
        self._arrived.append(self._now())
        if len(self._rows) > 2 * KEPT:
            del self._rows[:-KEPT], self._arrived[:-KEPT]

    def as_of(self, moment: float) -> "Tape[Row]":
        """Return the tape as it was at a moment."""
        known = bisect_right(self._arrived, moment)
        tape = Tape(self._id_of, self._now)
        tape._rows, tape._arrived = self._rows[:known], self._arrived[:known]
        return tape

    def newest(self, limit: int) -> list[Row]:
        """Return the last rows, oldest first."""
        return self._rows[-limit:]

    def from_id(self, first: int, limit: int) -> list[Row]:
        """Return rows whose id is `first` or higher."""
        start = bisect_left(self._rows, first, key=self._id_of)
        return self._rows[start : start + limit]

    def between(
        self, time_of: Callable[[Row], int], start: int | None, end: int | None, limit: int
    ) -> list[Row]:
        """Return the first rows from `start` to `end`, both included; without `start` the last."""
        low = 0 if start is None else bisect_left(self._rows, start, key=time_of)
        high = len(self._rows) if end is None else bisect_right(self._rows, end, key=time_of)
        if start is None:
            low = max(0, high - limit)
        return self._rows[low : min(high, low + limit)]
