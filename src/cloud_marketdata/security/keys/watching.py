"""Tells in time that keys come to their end, before their bearers are refused.

Every process counts for its own `/health`; under a lease one of them tells the events. Each stage
of a key is told once, and again after a restart, because a warning lost is worse than one twice.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import KEY_DAYS
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.security.keys.events import KeyEvent, OnEvent
from cloud_marketdata.security.keys.lifecycle import State, is_valid, state_of
from cloud_marketdata.storage.security_ports import KeyRecord, KeyRepository
from cloud_marketdata.storage.sharing_ports import Leases

_LEASE: Final = "key-watch"
_LEASE_S: Final = 180.0
_EVERY_S: Final = 60.0
_DAY: Final = 86_400 * NS_PER_S


class Watching:
    """Watches all keys; a Component with `days_to_next_expiry` and the counts by state."""

    def __init__(
        self,
        repository: KeyRepository,
        leases: Leases,
        clock: Clock,
        holder: str,
        on_event: OnEvent,
    ) -> None:
        self._repository = repository
        self._leases = leases
        self._clock = clock
        self._holder = holder
        self._on_event = on_event
        self._told: dict[str, str] = {}
        self._detail: dict[str, object] = {}
        self._state = "unknown"
        self._next_end: float | None = None

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            try:
                await self.round()
            except StorageError as error:
                self._state = "unknown"
                structlog.get_logger().warning("keys.not_watched", error=str(error))
            await self._clock.sleep(_EVERY_S)

    async def round(self) -> None:
        """Count the keys and tell what has become of them; raises StorageError."""
        records, now = await self._repository.all(), self._clock.now()
        heads = [one for one in records if not one.replaced_by]
        ends = [one.ends_at for one in heads if is_valid(one, now)]
        states = Counter(state_of(one, now).value for one in records)
        self._detail = {state.value: states[state.value] for state in State}
        self._next_end = _days(min(ends) - now) if ends else None
        self._detail["days_to_next_expiry"] = self._next_end
        late = any(state_of(one, now) is State.RETIRING for one in heads)
        self._state = "retiring" if late else "ok"
        if await self._leases.acquire(_LEASE, self._holder, _LEASE_S) is not None:
            self._tell(heads, now)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        if self._next_end is not None:
            yield KEY_DAYS.of(self._next_end)

    async def pulse(self) -> Pulse:
        """See core.health.Component; a key that nobody replaces is no failure of the service."""
        return Pulse("security", "key-expiry", self._state, ok=True, detail=self._detail)

    def _tell(self, heads: list[KeyRecord], now: int) -> None:
        stages = {one.id: stage_of(one, now) for one in heads}
        for one in heads:
            stage = stages[one.id]
            if stage and self._told.get(one.id) != stage:
                days = {"days_to_expiry": str(_days(one.ends_at - now))}
                structlog.get_logger().warning(stage, key=one.id, owner=one.owner, **days)
                self._on_event(KeyEvent(stage, one, days))
        self._told = stages


def stage_of(record: KeyRecord, now: int) -> str:
    """Return what is to be told of a key without a successor at `now` (ns), or nothing.

    An end is told for a day: who restarts later has heard of it, or never will.
    """
    if record.revoked_at or now >= record.ends_at + _DAY:
        return ""
    stages = (
        (record.ends_at, "key.expired"),
        (record.ends_at - _DAY, "key.ending"),
        (record.retires_at, "key.retiring"),
        (record.rotate_at, "key.due"),
    )
    return next((stage for since, stage in stages if now >= since), "")


def _days(ns: int) -> float:
    return round(ns / _DAY, 2)
