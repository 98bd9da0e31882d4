"""How long components are in trouble: all pulses once a second, and what changed since.

A trouble begins when a component that was well is seen not to be, and ends when it is well again;
so a duration is known to a second, and the time that a start takes is none. Components of one group
and name are one, which is well where all of them are. Deaths are told by who starts them again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.health import Pulse, Status
from cloud_marketdata.core.pulses import Pulses
from cloud_marketdata.core.telemetry.catalogue import DEATHS, RECOVERY, STATUS, UP
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Sample

EVERY_S: Final = 1.0
_BADNESS: Final[Mapping[Status, int]] = {"healthy": 0, "degraded": 1, "unhealthy": 2}

_Name = tuple[str, str]
"""Group and name."""


class Recovery:
    """Watches the components.

    status: of the service, as it was last seen; looked: when that was, by the clock's monotonic().
    """

    def __init__(self, pulses: Pulses, clock: Clock) -> None:
        self.status: Status = "healthy"
        self.looked: float | None = None
        self._pulses = pulses
        self._clock = clock
        self._up: dict[_Name, bool] = {}
        self._since: dict[_Name, float] = {}
        self._took: dict[_Name, Histogram] = {}
        self._deaths: Counter[str] = Counter()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        """Ask all components, and note what has changed."""
        answers = await self._pulses.ask()
        now = self._clock.monotonic()
        for name, ok in _together(answers.pulses).items():
            self._note(name, now, ok=ok)
        self.status, self.looked = answers.status, now

    def supervises(self, components: Iterable[str]) -> None:
        """Tell of these parts that they have not died: rate() does not see a first count."""
        self._deaths.update(dict.fromkeys(components, 0))

    def died(self, component: str) -> None:
        """Count a part that ended by an exception and is started again."""
        self._deaths[component] += 1

    def troubles(self) -> dict[str, float]:
        """Return what is in trouble, as group/name, and for how many seconds."""
        now = self._clock.monotonic()
        return {"/".join(name): now - since for name, since in self._since.items()}

    def measures(self) -> Iterator[Sample]:
        """See Measured; before the first look nothing is known of any component."""
        if self.looked is not None:
            yield STATUS.of(_BADNESS[self.status])
        for name, ok in self._up.items():
            yield UP.of(int(ok), *name)
        for name, took in self._took.items():
            yield RECOVERY.of(took, *name)
        for component, count in self._deaths.items():
            yield DEATHS.of(count, component)

    def _note(self, name: _Name, now: float, *, ok: bool) -> None:
        was_ok, self._up[name] = self._up.get(name), ok
        if was_ok and not ok:
            self._since[name] = now
            # Told from the trouble's beginning on: of a series that appears with its first
            # count, rate() does not see that count.
            self._took.setdefault(name, Histogram())
            structlog.get_logger().warning("component.trouble", group=name[0], name=name[1])
        elif ok and name in self._since:
            seconds = now - self._since.pop(name)
            self._took[name].observe(seconds)
            told = {"group": name[0], "name": name[1], "seconds": round(seconds, 3)}
            structlog.get_logger().info("component.recovered", **told)


def _together(pulses: Iterable[Pulse]) -> dict[_Name, bool]:
    up: dict[_Name, bool] = {}
    for pulse in pulses:
        name = pulse.group, pulse.name
        up[name] = up.get(name, True) and pulse.ok
    return up
