"""How many series there may be: whatever comes from outside cannot make more of them.

Symbols have the places that `busiest` gives them. Every other label of a metric takes so many
different values while the process lives, by first come; what comes then is `other`.
"""

from collections.abc import Mapping
from typing import Final

from cloud_marketdata.core.telemetry.busiest import OTHER, Busiest
from cloud_marketdata.core.telemetry.metric import Metric
from cloud_marketdata.core.telemetry.totals import Labels

VALUES: Final = 200
"""Different values of one label of one metric."""
LENGTH: Final = 64
"""Characters of a value; what is longer is cut."""


class Bounds:
    """Says under which labels a sample is told; `symbols` of each venue have their own."""

    def __init__(self, symbols: int) -> None:
        self._busiest = Busiest(symbols)
        self._known: dict[Metric, tuple[dict[str, str], ...]] = {}

    def admit(self, activity: Mapping[tuple[str, str], float]) -> None:
        """See Busiest."""
        self._busiest.admit(activity)

    def of(self, metric: Metric, labels: Labels) -> Labels:
        """Return the labels that a sample of these is told under."""
        if metric not in self._known:
            self._known[metric] = tuple({} for _ in metric.labels)
        market = metric.market
        if market is None:
            found = zip(self._known[metric], labels, strict=True)
            return tuple(_bounded(known, value) for known, value in found)
        told = list(labels)
        told[market.symbol] = self._busiest.name(labels[market.venue], labels[market.symbol])
        for at, known in enumerate(self._known[metric]):
            if at != market.symbol:
                told[at] = _bounded(known, labels[at])
        return tuple(told)


def _bounded(known: dict[str, str], value: str) -> str:
    """Return a value as it is told, which is kept in `known` while there is room."""
    found = known.get(value)
    if found is None and len(known) < VALUES:
        found = known[value] = value[:LENGTH]
    return OTHER if found is None else found
