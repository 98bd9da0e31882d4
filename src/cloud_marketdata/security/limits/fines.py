"""What addresses owe: the fine for a wrong key that exceeds what the address has left.

A limit that refuses takes nothing, so whoever has nothing left could go on guessing for nothing.
What could not be taken is therefore asked for together with the next request. It is kept in this
process; the number of debtors is bounded, and those who are forgotten are counted.
"""

from collections import OrderedDict
from typing import Final

MOST_DEBTORS: Final = 10_000


class Fines:
    """Units owed by bucket of addresses; `forgiven` counts debtors that made room for others."""

    def __init__(self, most_debtors: int = MOST_DEBTORS) -> None:
        self.forgiven = 0
        self._most_debtors = most_debtors
        self._owed: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        """How many owe anything."""
        return len(self._owed)

    def owed(self, bucket: str) -> int:
        """Return the units that the bucket owes."""
        return self._owed.get(bucket, 0)

    def add(self, bucket: str, units: int) -> None:
        """Note a fine that could not be taken."""
        self._owed[bucket] = self.owed(bucket) + units
        self._owed.move_to_end(bucket)
        if len(self._owed) > self._most_debtors:
            self._owed.popitem(last=False)
            self.forgiven += 1

    def settle(self, bucket: str, units: int) -> None:
        """Note that so many of the owed units have been taken."""
        left = self.owed(bucket) - units
        if left > 0:
            self._owed[bucket] = left
        else:
            self._owed.pop(bucket, None)
