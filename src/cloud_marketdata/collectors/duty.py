"""Collecting from a venue as a duty that one process has at a time, by a lease.

Two collectors of one market would bring each trade twice. A second one stands by: it begins when
the first has stopped, with all that it collected in the log, or has been gone for the lease's time.
While the store of the leases is away the one that collects goes on, and the one that stands by
waits for the lease's whole time after its return, so that the first may keep what it has.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

import structlog
from msgspec.structs import replace

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Component, Pulse
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Leases

_LOOK_S: Final = 0.5

Work = Callable[[], Coroutine[None, None, None]]


class Duty:
    """Runs `collect` while the venue's lease is ours; `taken` counts how often another took it.

    holder: a name that no other process has, and this one has again after a restart.
    seconds: how long the lease lasts without being kept.
    """

    def __init__(
        self, venue: Venue, leases: Leases, clock: Clock, *, holder: str, seconds: float
    ) -> None:
        self.ours = False
        self.taken = 0
        self._venue = venue
        self._leases = leases
        self._clock = clock
        self._holder = holder
        self._seconds = seconds
        self._log = structlog.get_logger().bind(venue=str(venue))

    def of(self, collect: Work) -> Work:
        """Return what is to be run instead of `collect`."""

        async def run() -> None:
            while True:
                await self._stand_by()
                async with asyncio.TaskGroup() as group:
                    collecting = group.create_task(collect())
                    await self._keep()
                    collecting.cancel()

        return run

    async def end(self) -> None:
        """Give the lease back; for a time when all that was collected is in the log."""
        if self.ours:
            self.ours = False
            try:
                await self._leases.release(self._name, self._holder)
            except StorageError as error:
                self._log.warning("duty.not_given_back", error=str(error))

    def told(self, component: Component) -> Component:
        """Return the venue's component, which has nothing to tell while another collects."""
        return _Told(self, component)

    @property
    def _name(self) -> str:
        return f"collect/{self._venue}"

    async def _stand_by(self) -> None:
        """Return once the lease is ours."""
        quiet_until = 0.0
        while not self.ours:
            try:
                if self._clock.monotonic() < quiet_until:
                    # Only a question: does the store answer all the time?
                    await self._leases.acquire(f"{self._name}/ask", self._holder, self._seconds)
                else:
                    self.ours = await self._take()
            except StorageError as error:
                self._log.warning("duty.leases_away", error=str(error))
                quiet_until = self._clock.monotonic() + self._seconds
            if not self.ours:
                await self._clock.sleep(_LOOK_S)

    async def _keep(self) -> None:
        """Keep the lease, and return when another has it."""
        while self.ours:
            await self._clock.sleep(min(_LOOK_S, self._seconds / 3))
            try:
                self.ours = await self._take()
            except StorageError:
                # Whether another has taken it meanwhile shows when we can ask again.
                continue
        self.taken += 1
        self._log.error("duty.taken_by_another")

    async def _take(self) -> bool:
        return await self._leases.acquire(self._name, self._holder, self._seconds) is not None


class _Told:
    """The pulse of a venue that this process may only stand by for."""

    def __init__(self, duty: Duty, component: Component) -> None:
        self._duty = duty
        self._component = component

    async def pulse(self) -> Pulse:
        """See core.health.Component."""
        pulse = await self._component.pulse()
        detail = {**pulse.detail, "standing_by": not self._duty.ours, "taken": self._duty.taken}
        if self._duty.ours:
            return replace(pulse, detail=detail)
        return replace(pulse, state="idle", ok=True, detail=detail)
