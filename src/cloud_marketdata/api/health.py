"""`/health`: the brief's four keys, and under other keys what lies behind them.

Every component is asked at once and in bounded time. Components of one name are shown as one, the
worst of them: `bybit` is only connected where all of its venues are. The service is unhealthy where
a vital component fails or every collector is down, degraded where anything else fails. A collector
that has nothing to collect is `idle` and counts for nothing beside one that has.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

import structlog
from pydantic import BaseModel

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.health import Component, Pulse

PATIENCE_S: Final = 1.0
_SILENT: Final = "no answer"
_IDLE: Final = "idle"

Status = Literal["healthy", "degraded", "unhealthy"]


class PulseOut(BaseModel):
    """What one component said."""

    group: str
    name: str
    state: str
    ok: bool
    vital: bool
    detail: dict[str, object]


class HealthDetail(BaseModel):
    """Every pulse, and the kinds of components that never answered."""

    components: list[PulseOut]
    unanswered: list[str]


class HealthBrief(BaseModel):
    """What /health tells everybody."""

    status: Status
    collectors: dict[str, str]
    storage: dict[str, str]
    uptime: str


class HealthOut(HealthBrief):
    """What /health tells who may read metrics."""

    version: str
    detail: HealthDetail

    def brief(self) -> HealthBrief:
        """Return what everybody may know of it."""
        return HealthBrief(
            status=self.status,
            collectors=self.collectors,
            storage=self.storage,
            uptime=self.uptime,
        )


class Health:
    """Asks the components and judges the service."""

    def __init__(self, components: Sequence[Component], clock: Clock, version: str) -> None:
        self._components = tuple(components)
        self._clock = clock
        self._version = version
        self._started = clock.monotonic()
        self._last: dict[int, Pulse] = {}

    async def ask(self) -> HealthOut:
        """Ask all components at once; one that is too slow counts as failed."""
        answers = await asyncio.gather(*map(self._pulse, range(len(self._components))))
        pulses = [pulse for pulse in answers if pulse is not None]
        kinds = zip(self._components, answers, strict=True)
        unanswered = [type(component).__name__ for component, pulse in kinds if pulse is None]
        status = judged(pulses)
        return HealthOut(
            status="degraded" if unanswered and status == "healthy" else status,
            collectors=_shown(pulses, "collectors"),
            storage=_shown(pulses, "storage"),
            uptime=spelled(self._clock.monotonic() - self._started),
            version=self._version,
            detail=HealthDetail(components=[_out(p) for p in pulses], unanswered=unanswered),
        )

    async def _pulse(self, at: int) -> Pulse | None:
        """Return the pulse, or the last known one as failed where there is no answer in time."""
        try:
            pulse = await asyncio.wait_for(self._components[at].pulse(), PATIENCE_S)
        except Exception as error:  # noqa: BLE001  one component's failure is not everybody's
            if not isinstance(error, TimeoutError):
                structlog.get_logger().exception("health.pulse_failed")
            last = self._last.get(at)
            return last and Pulse(last.group, last.name, _SILENT, ok=False, vital=last.vital)
        self._last[at] = pulse
        return pulse


def judged(pulses: Sequence[Pulse]) -> Status:
    """Judge the service by its pulses."""
    working = [pulse for pulse in pulses if pulse.state != _IDLE]
    collectors = [pulse.ok for pulse in working if pulse.group == "collectors"]
    all_down = bool(collectors) and not any(collectors)
    if all_down or any(pulse.vital and not pulse.ok for pulse in pulses):
        return "unhealthy"
    return "healthy" if all(pulse.ok for pulse in pulses) else "degraded"


def spelled(seconds: float) -> str:
    """Write a duration as `72h 15m 32s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}h {minutes % 60}m {rest}s"


def _shown(pulses: Sequence[Pulse], group: str) -> dict[str, str]:
    """Return the worst state of each name, in the order the names were first told."""
    shown: dict[str, Pulse] = {}
    for pulse in pulses:
        if pulse.group == group:
            other = shown.setdefault(pulse.name, pulse)
            shown[pulse.name] = min(other, pulse, key=_badness_last)
    return {name: pulse.state for name, pulse in shown.items()}


def _badness_last(pulse: Pulse) -> tuple[bool, bool, bool]:
    return pulse.ok, not pulse.vital, pulse.state == _IDLE


def _out(pulse: Pulse) -> PulseOut:
    return PulseOut(
        group=pulse.group,
        name=pulse.name,
        state=pulse.state,
        ok=pulse.ok,
        vital=pulse.vital,
        detail=pulse.detail,
    )
