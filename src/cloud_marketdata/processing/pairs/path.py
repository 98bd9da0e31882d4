"""How a level moved in the running minute: steps, and the milliseconds in which they happened."""

from typing import Final

from msgspec import Struct, field

MOST_STEPS: Final = 6_000
LARGEST_STEP: Final = 10_000
"""Ten basis points: what is beyond counts as so much, or one wild print would outvote the rest."""


class Path(Struct):
    """Steps of a level, in units of 1e-7 of the price, and when they were (ms since the epoch).

    Steps within one millisecond are one. A minute holds a bounded number; `dropped` counts those
    that found no room, and the level goes on without them.
    """

    level: int | None = None
    times: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    dropped: int = 0

    def move(self, time: int, level: int) -> None:
        """Take a new level."""
        before, self.level = self.level, level
        if before is None or level == before:
            return
        step = _bounded(level - before)
        if self.times and self.times[-1] == time:
            self.steps[-1] = _bounded(self.steps[-1] + step)
        elif len(self.times) < MOST_STEPS:
            self.times.append(time)
            self.steps.append(step)
        else:
            self.dropped += 1

    def turn(self) -> None:
        """Begin a new minute at the same level."""
        self.times, self.steps, self.dropped = [], [], 0


def _bounded(step: int) -> int:
    return max(-LARGEST_STEP, min(LARGEST_STEP, step))
