"""Leases in memory: they bind the tasks of one process, by the clock handed in."""

from collections.abc import Sequence
from typing import NamedTuple

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.tokens import next_token


class _Lease(NamedTuple):
    holder: str
    token: int
    until: int


class MemoryLeases:
    """Leases in memory; a name's last token is kept after its release, so that tokens grow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leases: dict[str, _Lease] = {}

    async def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or keep the lease for `seconds` from now on; None where another holder has it."""
        return self._take(name, holder, seconds, again=False)

    async def acquire_each(
        self, names: Sequence[str], holder: str, seconds: float
    ) -> list[int | None]:
        """Take or keep many leases; who was the last to have one keeps its token."""
        return [self._take(name, holder, seconds, again=True) for name in names]

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if the holder has it."""
        kept = self._leases.get(name)
        if kept and kept.holder == holder:
            self._leases[name] = kept._replace(until=0)

    def _take(self, name: str, holder: str, seconds: float, *, again: bool) -> int | None:
        now = self._clock.now()
        kept = self._leases.get(name, _Lease("", 0, 0))
        running, ours = kept.until > now, kept.holder == holder and kept.until > 0
        if running and not ours:
            return None
        token = kept.token if ours and (running or again) else next_token(now, kept.token)
        self._leases[name] = _Lease(holder, token, now + int(seconds * NS_PER_S))
        return token
