"""Series to the families of Prometheus' own library, a few at a time.

A histogram has 144 lines, and the library writes a family in one go; so that nobody waits for all
of a large one, it is cut into families of the same name, which are put together again as text.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Written
from prometheus_client.utils import floatToGoString

from cloud_marketdata.core.telemetry.folding import Family
from cloud_marketdata.core.telemetry.histogram import BOUNDS, Histogram
from cloud_marketdata.core.telemetry.metric import Metric
from cloud_marketdata.core.telemetry.totals import Labels, Value

_EDGES: Final = (*map(floatToGoString, BOUNDS), "+Inf")
_AT_ONCE: Final = {"counter": 150, "gauge": 150, "histogram": 1}
"""Series in one family."""


class Part:
    """A collector of the library's, of one family."""

    def __init__(self, family: Written) -> None:
        self._family = family

    def collect(self) -> Sequence[Written]:
        """Return the family."""
        return (self._family,)


def parts_of(family: Family) -> Iterator[Part]:
    """Yield the parts of a family: of one that has no series, none."""
    metric, series = family
    told, size = list(series.items()), _AT_ONCE[metric.kind]
    for start in range(0, len(told), size):
        yield Part(_written(metric, told[start : start + size]))


def _written(metric: Metric, series: Sequence[tuple[Labels, Value]]) -> Written:
    if metric.kind == "histogram":
        return _histograms(metric, series)
    family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    found = family(metric.name, metric.help, labels=metric.labels)
    for labels, value in series:
        assert not isinstance(value, Histogram), metric.name
        found.add_metric(labels, value)
    return found


def _histograms(metric: Metric, series: Sequence[tuple[Labels, Value]]) -> Written:
    found = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in series:
        assert isinstance(value, Histogram), metric.name
        edges = list(zip(_EDGES, accumulate(value.counts), strict=True))
        found.add_metric(labels, edges, value.total)
    return found
