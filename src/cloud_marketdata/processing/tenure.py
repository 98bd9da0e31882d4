"""The lease under which a market is worked on: taken, kept in time, lost, or given back.

It is kept from the loop that does the work and from nowhere else, so that whoever stands still does
not keep it. Its token goes along with every save; that is what makes a mistaken owner harmless.
"""

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import FencedError
from cloud_marketdata.storage.sharing_ports import Leases


class Tenure:
    """One lease in the hands of one holder; `token` is 0 as long as it never was."""

    def __init__(
        self, leases: Leases, name: str, holder: str, seconds: float, clock: Clock
    ) -> None:
        self.token = 0
        self._leases = leases
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._clock = clock
        self._kept_at = 0.0

    async def begin(self) -> bool:
        """Take the lease; False where somebody else has it."""
        asked_at = self._clock.monotonic()
        token = await self._leases.acquire(self._name, self._holder, self._seconds)
        if token is None:
            return False
        self.token, self._kept_at = token, asked_at
        return True

    async def keep(self) -> None:
        """Renew the lease when a third of its time has passed.

        Raises FencedError where it was lost, also where it could be had again at once: in between
        it may have been somebody else's.
        """
        now = self._clock.monotonic()
        if now - self._kept_at < self._seconds / 3:
            return
        token = await self._leases.acquire(self._name, self._holder, self._seconds)
        if token != self.token:
            msg = f"the lease {self._name} was lost"
            raise FencedError(msg)
        self._kept_at = now

    async def end(self) -> None:
        """Give the lease back."""
        await self._leases.release(self._name, self._holder)
