"""The newest entries of a trades stream as its feed has them in hand.

They are what a snapshot shows, and the last step of every replay: whoever has come so far is given
the rest and goes live in one step, however fast the log grows and however slowly it reads.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

from cloud_marketdata.storage.ports import Record

KEPT: Final = 1_000
SHOWN: Final = 100
"""Trades that are kept, and of a snapshot: whole entries, the fewest that hold so many."""


class Recent:
    """Entries in their order; a reader at `behind` or later lacks nothing but these."""

    def __init__(self) -> None:
        self.behind = 0
        self._records: deque[Record] = deque()
        self._trades = 0

    @property
    def seq(self) -> int:
        """Position of the newest entry, or 0 where there has been none."""
        return self._records[-1].position if self._records else self.behind

    def begin(self, records: list[Record]) -> None:
        """Hold the newest entries of a log that may hold others before them."""
        self.behind = records[0].position if records else 0
        self._records.clear()
        self._trades = 0
        self.add(records)

    def add(self, records: Iterable[Record]) -> None:
        """Take what was appended; the oldest entries make room."""
        for record in records:
            self._records.append(record)
            self._trades += len(record.events)
        while self._records and self._trades - len(self._records[0].events) >= KEPT:
            self.behind = self._records[0].position
            self._trades -= len(self._records.popleft().events)

    def after(self, at: int) -> list[Record] | None:
        """Return every entry behind one, or None where that one is too far back."""
        if at < self.behind:
            return None
        return [record for record in self._records if record.position > at]

    def shown(self) -> list[Record]:
        """Return the entries of a snapshot."""
        held, number = 0, 0
        while held < SHOWN and number < len(self._records):
            number += 1
            held += len(self._records[-number].events)
        return list(islice(self._records, len(self._records) - number, None))
