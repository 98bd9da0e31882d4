"""Time as a thing that is handed in; this file alone reads the machine's clock."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for stamps, and a way to wait."""

    def now(self) -> int:
        """Nanoseconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never steps; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; zero yields once."""
        ...


class SystemClock:
    """The machine's own clocks."""

    now = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(asyncio.sleep)
