"""What the tests of limits share: a clock that stands still, and quotas that go away."""

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.security_ports import Quotas, Rate, Taken


class SetClock(SystemClock):
    """A clock that the test sets, in ns."""

    def __init__(self) -> None:
        self.at = 1000 * NS_PER_S

    def monotonic(self) -> float:
        """Seconds, as set."""
        return self.at / NS_PER_S

    def step(self, seconds: float) -> None:
        """Let time pass."""
        self.at += round(seconds * NS_PER_S)


class Leaving(Quotas):
    """Quotas that are away while `away` says why; `asked` counts what reached them."""

    def __init__(self, quotas: Quotas) -> None:
        self.away = ""
        self.asked = 0
        self._quotas = quotas

    async def take(self, name: str, rate: Rate, cost: int = 1) -> Taken:
        """See Quotas."""
        self.asked += 1
        if self.away:
            raise StorageError(self.away)
        return await self._quotas.take(name, rate, cost)
