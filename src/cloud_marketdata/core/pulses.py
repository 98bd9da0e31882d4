"""How components are asked for their pulses: all at once, and each in bounded time.

One that is too slow or raises counts as failed, as what it last said it was. What raises is told in
the log once, until it answers again: who asks every second would fill the log otherwise.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog

from cloud_marketdata.core.health import Component, Pulse, Status, judged

PATIENCE_S: Final = 1.0
_SILENT: Final = "no answer"


class Answers(NamedTuple):
    """What all components said, and the kinds of those that never answered."""

    pulses: list[Pulse]
    unanswered: list[str]

    @property
    def status(self) -> Status:
        """How the service is."""
        status = judged(self.pulses)
        return "degraded" if self.unanswered and status == "healthy" else status


class Pulses:
    """Asks the components of a list, to which more may be added while it is asked."""

    def __init__(self, components: Sequence[Component]) -> None:
        self._components = components
        self._last: dict[int, Pulse] = {}
        self._raising: set[int] = set()

    async def ask(self) -> Answers:
        """Ask all of them; takes little more than PATIENCE_S where one does not answer."""
        kinds = [type(component).__name__ for component in self._components]
        answers = await asyncio.gather(*map(self._pulse, range(len(kinds))))
        unanswered = [kind for kind, pulse in zip(kinds, answers, strict=True) if pulse is None]
        return Answers([pulse for pulse in answers if pulse is not None], unanswered)

    async def _pulse(self, at: int) -> Pulse | None:
        """Return the pulse, or the last known one as failed where there is no answer in time."""
        try:
            pulse = await asyncio.wait_for(self._components[at].pulse(), PATIENCE_S)
        except Exception as error:  # noqa: BLE001  one component's failure is not everybody's
            if not isinstance(error, TimeoutError) and at not in self._raising:
                self._raising.add(at)
                structlog.get_logger().exception("health.pulse_failed")
            last = self._last.get(at)
            return last and Pulse(last.group, last.name, _SILENT, ok=False, vital=last.vital)
        self._last[at] = pulse
        self._raising.discard(at)
        return pulse
