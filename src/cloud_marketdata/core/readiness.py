"""Whether a process shall be sent requests, which is another question than whether it lives.

It is judged by what the components said when they were last asked, so the answer costs nothing and
waits for no store. Whoever stops says so first: a balancer then looks elsewhere while what was
asked is still answered.
"""

from typing import Final, Literal

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.telemetry.recovery import Recovery

SILENT_S: Final = 10.0
"""After how long nobody believes any more what the components said."""

Why = Literal["ready", "starting", "stopping", "unhealthy", "silent"]


class Readiness:
    """Judges by what `recovery` has seen."""

    def __init__(self, recovery: Recovery, clock: Clock) -> None:
        self._recovery = recovery
        self._clock = clock
        self._stopping = False

    def stopping(self) -> None:
        """From here on this process is not ready any more."""
        self._stopping = True

    def judge(self) -> Why:
        """Say whether it is ready, or why it is not.

        `starting`: the components have not been asked yet. `silent`: nobody has asked them for
        SILENT_S. `unhealthy`: see core.health.
        """
        if self._stopping:
            return "stopping"
        looked = self._recovery.looked
        if looked is None:
            return "starting"
        if self._clock.monotonic() - looked > SILENT_S:
            return "silent"
        return "unhealthy" if self._recovery.status == "unhealthy" else "ready"
