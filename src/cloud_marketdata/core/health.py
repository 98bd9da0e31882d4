"""Health as components tell it: each brings its own check, nobody keeps a list of names."""

from typing import Literal, Protocol

from msgspec import Struct

Group = Literal["collectors", "processing", "storage", "tiers", "security"]


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
