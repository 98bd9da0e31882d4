"""How late the event loop wakes who sleeps: whatever holds it up holds up every answer.

A tenth of a second is slept again and again, and what it took beyond that is observed. Something
that holds the loop for shorter than that may be missed, but not if it comes often.
"""

from collections.abc import Iterator
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.telemetry.catalogue import LOOP_LAG
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Sample

EVERY_S: Final = 0.1


class LoopLag:
    """Watches the loop that runs it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late = Histogram()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            began = self._clock.monotonic()
            await self._clock.sleep(EVERY_S)
            self._late.observe(self._clock.monotonic() - began - EVERY_S)

    def measures(self) -> Iterator[Sample]:
        """See Measured."""
        yield LOOP_LAG.of(self._late)
