"""Who watches a process from inside, built of its parts: main runs `parts`, routes ask the rest."""

from collections.abc import Awaitable, Callable, Sequence

from cloud_marketdata import __version__
from cloud_marketdata.api.health import Health
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.core.logs import ERROR_COUNTS
from cloud_marketdata.core.pulses import Pulses
from cloud_marketdata.core.readiness import Readiness
from cloud_marketdata.core.telemetry.exposition import Exposition
from cloud_marketdata.core.telemetry.figures import Figures
from cloud_marketdata.core.telemetry.looplag import LoopLag
from cloud_marketdata.core.telemetry.metric import Measured
from cloud_marketdata.core.telemetry.process import ProcessFigures
from cloud_marketdata.core.telemetry.recent import Recent
from cloud_marketdata.core.telemetry.recovery import Recovery


class Operations:
    """Health, readiness and figures of one process.

    Args:
        components: who is asked for a pulse, and for figures where he has `measures`.
        settings: say how many symbols have figures of their own.
        clock: for all of it.
        measured: who has figures and no pulse.
    """

    def __init__(
        self,
        components: Sequence[Component],
        settings: Settings,
        clock: Clock,
        measured: Sequence[Measured] = (),
    ) -> None:
        self._components = list(components)
        pulses = Pulses(self._components)
        self.recovery, lag = Recovery(pulses, clock), LoopLag(clock)
        process = ProcessFigures(__version__, settings.role)
        self._sources: list[object] = [*components, *measured]
        self._sources += [self.recovery, lag, process, ERROR_COUNTS]
        figures = Figures(self._sources, settings.metrics_symbols, clock)
        recent = Recent(figures, clock)
        self.exposition = Exposition(figures, clock)
        self.readiness = Readiness(self.recovery, clock)
        self.health = Health(pulses, self.recovery, recent, clock)
        self.parts: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("recovery", self.recovery.run),
            ("loop lag", lag.run),
            ("recent figures", recent.run),
        ]

    def watch(self, component: Component) -> None:
        """Ask one more component."""
        self._components.append(component)
        self._sources.append(component)
