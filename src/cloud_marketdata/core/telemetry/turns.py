"""Long work on the event loop in short turns: others run between them."""

from typing import Final

from cloud_marketdata.core.clock import Clock

LONGEST_S: Final = 0.002


class Turns:
    """Counts the time since others last ran."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()

    async def pause(self) -> None:
        """Let the others run where this turn has lasted long enough."""
        if self._clock.monotonic() - self._began >= LONGEST_S:
            await self._clock.sleep(0)
            self._began = self._clock.monotonic()
