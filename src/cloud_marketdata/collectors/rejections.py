"""Rejected input: counted by reason, sampled, and readable by people.

The first few of every reason are kept whole, then one in a thousand, so that a flood of one kind of
bad frame neither hides the others nor fills a store.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from cloud_marketdata.core.telemetry.catalogue import REJECTIONS
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import Venue

_WHOLE: Final = 10
_ONE_IN: Final = 1_000


class Rejections:
    """Totals since the start, and what came since the last `take`."""

    def __init__(self) -> None:
        self.total: Counter[tuple[Venue, str]] = Counter()
        self._fresh: Counter[tuple[Venue, str]] = Counter()
        self._samples: list[Rejection] = []

    def add(self, rejection: Rejection) -> None:
        """Count one, and keep it if it is among those to keep."""
        key = (rejection.venue, rejection.reason)
        self.total[key] += 1
        self._fresh[key] += 1
        if self.total[key] <= _WHOLE or self.total[key] % _ONE_IN == 0:
            self._samples.append(rejection)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        for (venue, reason), count in self.total.items():
            yield REJECTIONS.of(count, venue.value, reason)

    @property
    def pending(self) -> bool:
        """Whether something came since the last `take`."""
        return bool(self._fresh)

    def take(self) -> tuple[dict[tuple[Venue, str], int], list[Rejection]]:
        """Return counts and samples since the last call, for the quarantine."""
        taken = dict(self._fresh), self._samples
        self._fresh, self._samples = Counter(), []
        return taken
