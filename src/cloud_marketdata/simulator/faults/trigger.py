"""When a fault strikes: within its time, at the occasions it chooses, as often as it may.

Time is handed in as seconds of a clock that never steps; chance comes from a seeded source of the
fault's own, so that one more fault changes nothing for the others.
"""

from random import Random
from typing import Final

from cloud_marketdata.simulator.faults.language import Fault

MS: Final = 0.001


class Trigger:
    """One fault set at a moment; `seen` counts its occasions and `struck` those it chose."""

    def __init__(self, fault: Fault, began: float, random: Random) -> None:
        self.fault = fault
        self.seen = 0
        self.struck = 0
        self._began = began
        self._random = random

    def open(self, now: float) -> bool:
        """Whether the fault may strike now."""
        fault, elapsed = self.fault, now - self._began
        begun = elapsed >= fault.after * MS
        over = fault.lasting and elapsed >= (fault.after + fault.lasting) * MS
        spent = fault.times and self.struck >= fault.times
        return begun and not over and not spent

    def strikes(self, now: float) -> bool:
        """Take an occasion; True where the fault chooses it."""
        if not self.open(now):
            return False
        self.seen += 1
        chosen = self._chooses()
        self.struck += chosen
        return chosen

    def moment(self, now: float, number: int) -> bool:
        """Whether the `number`-th (from 0) planned moment has come: `after`, then each period."""
        return now - self._began >= (self.fault.after + number * self.fault.period) * MS

    def _chooses(self) -> bool:
        fault = self.fault
        if fault.at:
            return self.seen == fault.at
        if fault.every:
            return self.seen % fault.every == 0
        return not fault.chance or self._random.random() < fault.chance
