"""Gaps that wait to be filled: the oldest first among those whose time has come.

A gap that could not be filled is tried again soon, then at growing distance, so that a venue's bad
hour costs few questions. Bounded: what finds no place is refused. Pure; time is handed in.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cloud_marketdata.collectors.tapes.gaps import TradeGap

GAPS_MAX: Final = 1_000
SOON: Final = 5
"""Attempts in a row before a gap is told to be unrepaired."""
_LATER_S: Final = 60.0
_LATEST_S: Final = 1_800.0


class PendingGap(Struct):
    """A gap and how its filling stands; `delays` are the seconds between the first attempts."""

    symbol: str
    gap: TradeGap
    delays: Iterator[float]
    due: float = 0.0
    failures: int = 0
    filled: int = 0
    told: bool = False

    @property
    def names(self) -> tuple[str, int | str, int | str]:
        """What tells it from the others."""
        return self.symbol, self.gap.after_id, self.gap.before_id

    def postpone(self, now: float, at_least_s: float) -> None:
        """Have it tried again later; `now` in seconds of the clock that `due` is of."""
        self.failures += 1
        if self.failures < SOON:
            distance = next(self.delays)
        else:
            distance = min(_LATER_S * 2.0 ** min(self.failures - SOON, 10), _LATEST_S)
        self.due = now + max(distance, at_least_s)


class Pending:
    """The gaps that wait; `refused` counts those that found no place."""

    def __init__(self) -> None:
        self.refused = 0
        self._gaps: list[PendingGap] = []

    def __len__(self) -> int:
        return len(self._gaps)

    def add(self, gap: PendingGap) -> bool:
        """Take a gap in, once; False where there is no place."""
        if any(waiting.names == gap.names for waiting in self._gaps):
            return True
        if len(self._gaps) >= GAPS_MAX:
            self.refused += 1
            return False
        self._gaps.append(gap)
        return True

    def __contains__(self, gap: PendingGap) -> bool:
        return any(waiting is gap for waiting in self._gaps)

    def remove(self, gap: PendingGap) -> None:
        """Let go of a gap."""
        self._gaps.remove(gap)

    def forget(self, symbol: str) -> None:
        """Let go of all gaps of a symbol."""
        self._gaps = [gap for gap in self._gaps if gap.symbol != symbol]

    def ready(self, now: float) -> PendingGap | None:
        """Return the oldest gap whose time has come, or None."""
        due = (gap for gap in self._gaps if gap.due <= now)
        return min(due, key=lambda pending: pending.gap.start, default=None)

    def soonest(self) -> float | None:
        """Return when the next gap's time comes, or None while none waits."""
        return min((gap.due for gap in self._gaps), default=None)
