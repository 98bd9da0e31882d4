"""How long trades took to one stage of their way, by venue, each trade counted.

Trades of one read share a time of receipt, so they come as times and how many had each of them:
that is exact for every trade and costs a fraction of counting one by one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from cloud_marketdata.core.telemetry.catalogue import INGEST_LATENCY
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.values import NS_PER_S, Venue

Stage = Literal["received", "logged", "processed", "served"]


class StageTimes:
    """A histogram a venue; they outlive whatever is started anew."""

    def __init__(self, stage: Stage) -> None:
        self.by_venue: defaultdict[Venue, Histogram] = defaultdict(Histogram)
        self._stage = stage

    def lasted(self, venue: Venue, times: Mapping[int, int]) -> None:
        """Count durations: nanoseconds, and how many trades took so long."""
        observe = self.by_venue[venue].observe
        for nanoseconds, trades in times.items():
            observe(nanoseconds / NS_PER_S, trades)

    def since(self, venue: Venue, begun: Mapping[int, int], now: int) -> None:
        """Count what ends now: when it began, and how many trades then; all in ns."""
        observe = self.by_venue[venue].observe
        for began, trades in begun.items():
            observe((now - began) / NS_PER_S, trades)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        for venue, histogram in self.by_venue.items():
            labels = venue.exchange.value, venue.value, self._stage
            yield INGEST_LATENCY.of(histogram, *labels)
