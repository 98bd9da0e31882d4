"""A clock that tests move, and parts that say what tests want."""

from cloud_marketdata.core.health import Pulse


class Moved:
    """A clock that stands where it was put; a wait moves it on."""

    def __init__(self) -> None:
        self.at = 0.0
        self.late = 0.0

    def now(self) -> int:
        """Nanoseconds since the epoch."""
        return int(self.at * 1e9)

    def monotonic(self) -> float:
        """Seconds."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Wait for as long, and for what the test says beside."""
        self.at += seconds + self.late


class Feels:
    """A component that is well or not, as the test says; without a word it does not answer."""

    def __init__(self, name: str, *, ok: bool = True, vital: bool = False) -> None:
        self.name, self.ok, self.vital = name, ok, vital
        self.asked = 0

    async def pulse(self) -> Pulse:
        """Answer."""
        self.asked += 1
        return Pulse("storage", self.name, "ok" if self.ok else "down", self.ok, self.vital)
