"""What /health tells of latencies is of the last minutes, and of all else it is of now."""

import pytest
from telemetric import Moved

from cloud_marketdata.core.telemetry.catalogue import LOOP_LAG, WORKERS
from cloud_marketdata.core.telemetry.figures import Figures
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.core.telemetry.recent import EVERY_S, KEPT, Recent

pytestmark = pytest.mark.anyio


class Part:
    """A part with one histogram and one gauge."""

    def __init__(self) -> None:
        self.took = Histogram()
        self.workers = 0

    def measures(self) -> list[Sample]:
        """Tell them."""
        return [LOOP_LAG.of(self.took), WORKERS.of(self.workers)]


async def counted(recent: Recent) -> tuple[int, float]:
    """Return how many durations are recent, and the gauge."""
    values = {sample.metric: sample.value for sample in await recent.samples()}
    return values[LOOP_LAG].count, values[WORKERS]


async def test_what_was_long_ago_is_not_recent():
    part, clock = Part(), Moved()
    recent = Recent(Figures([part], 50, clock), clock)
    for turn in range(1, 3 * KEPT):
        part.took.observe(0.01)
        part.workers = turn
        clock.at += EVERY_S
        # All until there was something to keep KEPT times, then the last of them.
        assert await counted(recent) == (min(turn, KEPT), turn)
        await recent.keep()
