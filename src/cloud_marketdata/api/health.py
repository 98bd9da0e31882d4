"""`/health`: the brief's four keys, and under other keys what lies behind them.

Every component is asked at once and in bounded time. Components of one name are shown as one, the
worst of them: `bybit` is only connected where all of its venues are. How the service is judged,
`core.health` says.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from cloud_marketdata import __version__
from cloud_marketdata.api.health_figures import HealthFigures, health_figures
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.health import IDLE, Pulse, Status
from cloud_marketdata.core.pulses import Answers, Pulses
from cloud_marketdata.core.telemetry.recent import Recent
from cloud_marketdata.core.telemetry.recovery import Recovery


class PulseOut(BaseModel):
    """What one component said."""

    group: str
    name: str
    state: str
    ok: bool
    vital: bool
    detail: dict[str, object]


class HealthDetail(HealthFigures):
    """Every pulse, the kinds of components that never answered, what is in trouble, and figures.

    trouble: by group/name, for how many seconds something that was well is not.
    """

    components: list[PulseOut]
    unanswered: list[str]
    trouble: dict[str, float]


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
    """Asks the components and tells how the service is."""

    def __init__(self, pulses: Pulses, recovery: Recovery, recent: Recent, clock: Clock) -> None:
        self._pulses = pulses
        self._recovery = recovery
        self._recent = recent
        self._clock = clock
        self._started = clock.monotonic()

    async def ask(self) -> HealthOut:
        """Ask all components at once; one that is too slow counts as failed."""
        answers = await self._pulses.ask()
        return HealthOut(
            status=answers.status,
            collectors=_shown(answers.pulses, "collectors"),
            storage=_shown(answers.pulses, "storage"),
            uptime=spelled(self._clock.monotonic() - self._started),
            version=__version__,
            detail=await self._detail(answers),
        )

    async def _detail(self, answers: Answers) -> HealthDetail:
        figures = health_figures(await self._recent.samples())
        return HealthDetail(
            components=[_out(pulse) for pulse in answers.pulses],
            unanswered=answers.unanswered,
            trouble=self._recovery.troubles(),
            **dict(figures),
        )


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
    return pulse.ok, not pulse.vital, pulse.state == IDLE


def _out(pulse: Pulse) -> PulseOut:
    return PulseOut(
        group=pulse.group,
        name=pulse.name,
        state=pulse.state,
        ok=pulse.ok,
        vital=pulse.vital,
        detail=pulse.detail,
    )
