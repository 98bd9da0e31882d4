"""A clock that stands still until somebody sleeps, and then is there."""

import asyncio

from cloud_marketdata.domain.values import NS_PER_S

START = 1_723_161_300


class HeldClock:
    """One sleeper at a time; `slept` tells how long each slept."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return START * NS_PER_S + int(self.seconds * NS_PER_S)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let the others run once, then be that much later."""
        await asyncio.sleep(0)
        self.slept.append(seconds)
        self.seconds += seconds
