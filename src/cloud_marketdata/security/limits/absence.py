"""Quotas that go on while the server that counts them is away.

A server that does not answer is waited for once, and shortly; then it is left alone and asked again
by one request a second. Meanwhile each process counts for itself, from whole quotas on, or nobody
is answered, or nothing is counted, as the settings say. An absence is logged when it begins and
when it ends, and not for every request in it.
"""

import asyncio
from typing import Final

import structlog

from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.security_ports import Quotas, Rate, Taken

PATIENCE_S: Final = 0.5
"""How long one take may wait for the server: an answer that comes later helps nobody."""
RECOVERY_S: Final = 1.0
"""How long a server that failed is left alone."""


class Standby:
    """Quotas over a server's `quotas`, and `local` ones for when it is away.

    absences: how often it went away. bridged: takes that were decided without it.
    why: what it said last; empty while it answers.
    """

    def __init__(self, quotas: Quotas, local: Quotas, settings: Settings, clock: Clock) -> None:
        self.absences = self.bridged = 0
        self.why = ""
        self.when_away = settings.limits_when_away
        self._quotas = quotas
        self._local = local
        self._patience_s = min(PATIENCE_S, settings.store_timeout_s)
        self._breaker = CircuitBreaker(1, RECOVERY_S, monotonic=clock.monotonic)

    async def take(self, name: str, rate: Rate, cost: int = 1) -> Taken:
        """See Quotas; raises StorageError where the server is away and the settings refuse."""
        if self._breaker.allow():
            try:
                async with asyncio.timeout(self._patience_s):
                    taken = await self._quotas.take(name, rate, cost)
            except (StorageError, TimeoutError) as error:
                self._failed(str(error) or "no answer in time")
            else:
                self._answered()
                return taken
        return await self._without(name, rate, cost)

    def _failed(self, why: str) -> None:
        self._breaker.failed()
        if not self.why:
            self.absences += 1
            structlog.get_logger().warning("limits.away", error=why, counted=self.when_away)
        self.why = why

    def _answered(self) -> None:
        self._breaker.succeeded()
        if self.why:
            self.why = ""
            structlog.get_logger().info("limits.back", bridged=self.bridged)

    async def _without(self, name: str, rate: Rate, cost: int) -> Taken:
        if self.when_away == "refuse":
            msg = f"limits cannot be counted, so nobody is answered: {self.why}"
            raise StorageError(msg)
        self.bridged += 1
        if self.when_away == "allow":
            return Taken(ok=True, left=rate.quota, after_s=0.0, full_s=0.0)
        return await self._local.take(name, rate, cost)
