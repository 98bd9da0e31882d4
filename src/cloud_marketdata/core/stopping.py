"""A stop that has an end: its steps in the direction of the data, and what is left when time is up.

The time is kept by a thread of its own, because what hangs may be the event loop. What was
acknowledged is in the log by then, so ending the process loses nothing that anybody was promised.
"""

import os
from collections.abc import Callable
from threading import Timer
from typing import Final, Literal, get_args

import structlog

Step = Literal["requests", "handover", "feeds", "log", "aggregates", "audit", "stores"]
"""What a stop sees to, one after the other: open requests are answered, other collectors take over,
sockets close, what was collected goes into the log, what is in the log into the aggregates, the
audit log ends, the stores close."""
STEPS: Final[tuple[Step, ...]] = get_args(Step)
OVERDUE: Final = 1
"""Exit code of a process whose stop took too long."""
_SIGNALLED: Final = 128


class Stopping:
    """One stop of this process; `leaving` is true from its beginning on.

    seconds: how long it may take. end: ends the process with an exit code, whatever hangs.
    """

    def __init__(self, seconds: float, end: Callable[[int], None] = os._exit) -> None:
        self.leaving = False
        self._seconds = seconds
        self._end = end
        self._at: Step = STEPS[0]
        self._timer = Timer(seconds, self._overdue)
        # A process that has ended by itself is not held up by it.
        self._timer.daemon = True

    def begin(self) -> None:
        """Begin with the first step; from now on the time runs."""
        self.leaving = True
        self._timer.start()

    def reached(self, step: Step) -> None:
        """Say which step is next: all before it are done."""
        self._at = step

    def force(self, number: int) -> None:
        """End the process now, as the second signal of this number asks."""
        structlog.get_logger().warning("service.stop_forced", not_done=self.left)
        self._end(_SIGNALLED + number)

    @property
    def left(self) -> list[Step]:
        """The steps that are not done."""
        return list(STEPS[STEPS.index(self._at) :])

    def _overdue(self) -> None:
        log = structlog.get_logger()
        log.error("service.stop_overdue", after_s=self._seconds, not_done=self.left)
        self._end(OVERDUE)
