"""The figures of this process as everybody is told them, made once a second at most.

/metrics and /health are made of the same ones, so they cannot disagree.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.telemetry.folding import Family, Folding
from cloud_marketdata.core.telemetry.gathering import Gathering
from cloud_marketdata.core.telemetry.turns import Turns

KEPT_S: Final = 1.0
"""How long figures are told to whoever asks meanwhile."""


class Figures:
    """Asks parts and folds what they say.

    Args:
        sources: whatever may have `measures`; more may be added to it.
        symbols: how many of each venue have series of their own.
        clock: says what a second is.
    """

    def __init__(self, sources: Sequence[object], symbols: int, clock: Clock) -> None:
        self._gathering = Gathering(sources)
        self._folding = Folding(symbols)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._families: list[Family] = []
        self._made: float | None = None

    async def now(self) -> list[Family]:
        """Return the figures of this second; nobody may change them."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._made is None or now - self._made >= KEPT_S:
                turns = Turns(self._clock)
                self._families = await self._folding.fold(self._gathering, turns)
                self._made = now
            return self._families
