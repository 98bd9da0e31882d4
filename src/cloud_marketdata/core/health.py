"""Health as components tell it: each brings its own check, nobody keeps a list of names.

The service is unhealthy where a vital component fails or every collector is down, degraded where
anything else fails. A collector that has nothing to collect is `idle` and counts for nothing beside
one that has.
"""

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct

Group = Literal["collectors", "processing", "storage", "tiers", "security"]
Status = Literal["healthy", "degraded", "unhealthy"]
IDLE: Final = "idle"


class Pulse(Struct, frozen=True):
    """What one component says of itself.

    group and name: where `/health` shows it, e.g. collectors / bybit.
    state: the word shown there, `connected` or `ok` where all is well.
    ok: whether it works; a failing `vital` one makes the service unhealthy, another one degraded.
    """

    group: Group
    name: str
    state: str
    ok: bool
    vital: bool = False
    detail: dict[str, object] = {}


class Component(Protocol):
    """Anything with a pulse."""

    async def pulse(self) -> Pulse:
        """Tell the state now; never raises, answers within a second."""
        ...


def judged(pulses: Sequence[Pulse]) -> Status:
    """Judge the service by its pulses."""
    working = [pulse for pulse in pulses if pulse.state != IDLE]
    collectors = [pulse.ok for pulse in working if pulse.group == "collectors"]
    all_down = bool(collectors) and not any(collectors)
    if all_down or any(pulse.vital and not pulse.ok for pulse in pulses):
        return "unhealthy"
    return "healthy" if all(pulse.ok for pulse in pulses) else "degraded"
