"""How long the event loop was kept from running: the machine is shared, the law is not."""

from cloud_marketdata.core.clock import Clock

TURN_S = 0.02


class Stalls:
    """Counts the time in which nobody ran, and so nothing could have been found."""

    def __init__(self, clock: Clock) -> None:
        self.total_s = 0.0
        self._clock = clock

    async def watch(self) -> None:
        """Count what every short sleep was too long, until cancelled."""
        while True:
            began = self._clock.monotonic()
            await self._clock.sleep(TURN_S)
            late = self._clock.monotonic() - began - TURN_S
            self.total_s += late if late > TURN_S else 0.0
