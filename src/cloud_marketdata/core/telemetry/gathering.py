"""What all parts tell of themselves at one moment; who cannot tell costs nothing but his figures.

Of a part whose `measures` raises the counts stand still at what they were, because a count that is
away and comes back looks like one that began anew; its gauges are not told. It is counted, and
logged once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import structlog

from cloud_marketdata.core.telemetry.catalogue import MEASURES_FAILED
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Measured, Sample


class Gathering:
    """Asks whatever has figures; to `sources` more may be added, those without are passed over."""

    def __init__(self, sources: Sequence[object]) -> None:
        self._sources = sources
        self._counts: dict[int, list[Sample]] = {}
        self._failed: Counter[str] = Counter()

    def __iter__(self) -> Iterator[list[Sample]]:
        """Yield the samples of each part; histograms are copies, which nobody changes."""
        for at, source in enumerate(self._sources):
            if isinstance(source, Measured):
                yield self._told(at, source)
        yield [MEASURES_FAILED.of(count, kind) for kind, count in self._failed.items()]

    def _told(self, at: int, source: Measured) -> list[Sample]:
        try:
            told = [_kept(sample) for sample in source.measures()]
        except Exception:  # noqa: BLE001  one part's failure is not everybody's
            kind = type(source).__name__
            if not self._failed[kind]:
                structlog.get_logger().exception("metrics.part_failed", part=kind)
            self._failed[kind] += 1
            return self._counts.get(at, [])
        self._counts[at] = [sample for sample in told if sample.metric.kind != "gauge"]
        return told


def _kept(sample: Sample) -> Sample:
    value = sample.value
    return sample._replace(value=value.copy()) if isinstance(value, Histogram) else sample
