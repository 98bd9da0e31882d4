"""A clock without waits and a transport whose end the test decides."""

import asyncio

from cloud_marketdata.domain.values import NS_PER_S

NOW = 1_723_161_300 * NS_PER_S


class Instant:
    """A clock on which every wait is over at once, after a turn of the loop."""

    def now(self) -> int:
        """Nanoseconds of the tape's own time."""
        return NOW

    def monotonic(self) -> float:
        """Seconds that never pass."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Let the others run; heartbeats and vouching wait for good."""
        if seconds in {5.0, 20.0}:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


class Line:
    """A transport whose end the test decides."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.sent: list[bytes] = []

    def send(self, payload: bytes) -> None:
        """Remember what was sent."""
        self.sent.append(payload)

    def pause(self) -> None:
        """Nothing is read here."""

    def resume(self) -> None:
        """Nothing is read here."""

    def close(self) -> None:
        """End."""
        self.gone.set()

    async def closed(self) -> None:
        """Return at the end."""
        await self.gone.wait()


async def turns(count: int = 50) -> None:
    """Let everybody else run for a while."""
    for _ in range(count):
        await asyncio.sleep(0)
