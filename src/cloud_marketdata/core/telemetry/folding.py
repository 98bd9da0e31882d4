"""Samples to series: what has the same metric and labels becomes one, within the bounds.

Counters and histograms are added up and never fall. Gauges become one by their metric's fold: the
sum, or the worst of them.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from cloud_marketdata.core.telemetry.bounding import Bounds
from cloud_marketdata.core.telemetry.gathering import Gathering
from cloud_marketdata.core.telemetry.histogram import Histogram
from cloud_marketdata.core.telemetry.metric import Metric, Sample
from cloud_marketdata.core.telemetry.totals import Labels, Totals, Value, together
from cloud_marketdata.core.telemetry.turns import Turns

_Series = dict[Labels, Value]
_AT_ONCE: Final = 256
"""Series that are folded before the others are thought of."""


class Family(NamedTuple):
    """All series of a metric, by the values of its labels."""

    metric: Metric
    series: dict[Labels, Value]


class Folding:
    """Makes series of samples again and again; of a venue `symbols` have series of their own."""

    def __init__(self, symbols: int) -> None:
        self._bounds = Bounds(symbols)
        self._totals: dict[Metric, Totals] = {}

    async def fold(self, gathering: Gathering, turns: Turns) -> list[Family]:
        """Return the series of this moment."""
        alike: dict[Metric, _Series] = {}
        for samples in gathering:
            _add(samples, alike)
            await turns.pause()
        activity: dict[tuple[str, str], float] = {}
        for metric, series in alike.items():
            _count(metric, series, activity)
            await turns.pause()
        self._bounds.admit(activity)
        # Counters that nobody tells any more are still told.
        metrics = dict.fromkeys((*alike, *self._totals))
        return [
            Family(metric, await self._series(metric, alike.get(metric, {}), turns))
            for metric in metrics
        ]

    async def _series(self, metric: Metric, told: _Series, turns: Turns) -> _Series:
        groups: dict[Labels, _Series] = {}
        for at, (labels, value) in enumerate(told.items()):
            groups.setdefault(self._bounds.of(metric, labels), {})[labels] = value
            if not at % _AT_ONCE:
                await turns.pause()
        if metric.kind != "gauge":
            return self._totals.setdefault(metric, Totals()).of(groups)
        return {labels: _one(metric, parts.values()) for labels, parts in groups.items()}


def _add(samples: Iterable[Sample], alike: dict[Metric, _Series]) -> None:
    """Take samples in, making one of those that have the same labels."""
    for metric, labels, value in samples:
        series = alike.setdefault(metric, {})
        series[labels] = _one(metric, (series[labels], value)) if labels in series else value


def _one(metric: Metric, values: Iterable[Value]) -> Value:
    """Make one value of several."""
    if metric.fold == "sum":
        return together(values)
    worst = max if metric.fold == "max" else min
    return worst(value for value in values if not isinstance(value, Histogram))


def _count(metric: Metric, series: _Series, activity: dict[tuple[str, str], float]) -> None:
    """Add what each symbol of a venue has done: all that is counted of it."""
    if (market := metric.market) is None:
        return
    for labels, value in series.items():
        name = labels[market.venue], labels[market.symbol]
        activity.setdefault(name, 0)
        if metric.kind == "counter" and not isinstance(value, Histogram):
            activity[name] += value
