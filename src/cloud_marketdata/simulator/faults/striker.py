"""What every kind of fault stands on: its trigger, and the scene it strikes on."""

import asyncio
from collections.abc import Callable

from msgspec import Struct, field

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.simulator.audience import Audience
from cloud_marketdata.simulator.connection import Connection
from cloud_marketdata.simulator.faults.labels import Labels
from cloud_marketdata.simulator.faults.language import Fault
from cloud_marketdata.simulator.faults.trigger import Trigger
from cloud_marketdata.simulator.streams import symbol_of, target_of


class Scene(Struct):
    """A venue as faults see it.

    snapshot: the whole book of a stream as a message of it, or None. refine: divide the tick of a
    symbol. symbols: what is listed. busy: set while something waits for its time.
    """

    clock: Clock
    snapshot: Callable[[str], bytes | None]
    refine: Callable[[str, int], None]
    symbols: tuple[str, ...]
    audience: Audience = field(default_factory=Audience)
    labels: Labels = field(default_factory=Labels)
    busy: asyncio.Event = field(default_factory=asyncio.Event)

    def now_ms(self) -> int:
        """Wall time in milliseconds."""
        return self.clock.now() // NS_PER_MS

    def concerns(self, fault: Fault, stream: str, connection: Connection) -> bool:
        """Whether a fault is aimed at this stream of this client."""
        return (
            fault.target in ("any", target_of(stream))
            and fault.symbol in ("", symbol_of(stream))
            and self.audience.means(fault.client, connection)
        )


class Striker:
    """A fault that is set."""

    def __init__(self, trigger: Trigger, scene: Scene) -> None:
        self.trigger = trigger
        self.scene = scene

    @property
    def fault(self) -> Fault:
        """What was asked for."""
        return self.trigger.fault
