"""When the trades that are folded and not yet saved were received: how old they are, and how many.

Bounded: where a store is away for long, times are rounded down to a grid that grows with what
waits, so a trade never looks younger than it is.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS

TIMES_MAX: Final = 8192


class UnsavedTrades:
    """Counts by time of receipt, in ns."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._grid = 1

    @property
    def oldest(self) -> int | None:
        """When the oldest one was received, in ns."""
        return min(self._counts, default=None)

    def add(self, trades: Sequence[TradeEvent]) -> None:
        """Take trades that were folded."""
        grid = self._grid
        if grid == 1:
            self._counts.update([trade.received_at for trade in trades])
        else:
            self._counts.update([trade.received_at // grid * grid for trade in trades])
        while len(self._counts) > TIMES_MAX:
            self._coarsen()

    def take(self) -> Counter[int]:
        """Return all of them, which are saved now."""
        taken, self._counts, self._grid = self._counts, Counter(), 1
        return taken

    def _coarsen(self) -> None:
        self._grid = grid = max(self._grid * 2, NS_PER_MS)
        counts: Counter[int] = Counter()
        for time, count in self._counts.items():
            counts[time // grid * grid] += count
        self._counts = counts
