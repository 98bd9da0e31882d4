"""What histograms have observed lately: the quantiles of a process' whole life tell little of now.

Every half a minute what they hold is kept, for five minutes; what came after the oldest of these is
recent. A younger process tells all that it has observed.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.telemetry.figures import Figures
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Metric, Sample

EVERY_S: Final = 30.0
KEPT: Final = 10
"""How often EVERY_S ago the oldest of what is kept was."""

_Held = dict[tuple[Metric, tuple[str, ...]], Histogram]


class Recent:
    """The figures of now, with histograms of the last minutes alone."""

    def __init__(self, figures: Figures, clock: Clock) -> None:
        self._figures = figures
        self._clock = clock
        # Before the first observation there was nothing.
        self._held: deque[_Held] = deque([{}], maxlen=KEPT)

    async def run(self) -> None:
        """Keep what histograms hold, until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            await self.keep()

    async def keep(self) -> None:
        """Keep what histograms hold now; nobody changes them, so they are not copied."""
        self._held.append(
            {
                (metric, labels): value
                for metric, labels, value in await self._samples()
                if isinstance(value, Histogram)
            }
        )

    async def samples(self) -> list[Sample]:
        """Return one sample of each series."""
        before = self._held[0]
        return [_since(sample, before) for sample in await self._samples()]

    async def _samples(self) -> Iterator[Sample]:
        return (
            Sample(metric, labels, value)
            for metric, series in await self._figures.now()
            for labels, value in series.items()
        )


def _since(sample: Sample, before: _Held) -> Sample:
    value, then = sample.value, before.get((sample.metric, sample.labels))
    if then is None or not isinstance(value, Histogram):
        return sample
    return sample._replace(value=value.since(then))
