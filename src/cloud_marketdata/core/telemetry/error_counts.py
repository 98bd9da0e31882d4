"""Errors and warnings of the log, counted by the name of their event.

Our events are a closed set of literals; bounded they are all the same, because one that is made of
what came from outside would be a leak that nobody sees.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from structlog.typing import EventDict, WrappedLogger

from cloud_marketdata.core.telemetry.catalogue import ERRORS
from cloud_marketdata.core.telemetry.metric import Sample

MOST: Final = 150
OTHER: Final = "other"
_COUNTED: Final = frozenset(("warning", "error", "critical"))


class ErrorCounts:
    """A processor of structlog that counts and changes nothing; stands behind `add_log_level`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        """Count one event, where it is worth that."""
        if event.get("level") in _COUNTED:
            kind = str(event.get("event", OTHER))
            known = kind in self._counts or len(self._counts) < MOST
            self._counts[kind if known else OTHER] += 1
        return event

    def measures(self) -> Iterator[Sample]:
        """See Measured."""
        for kind, count in self._counts.items():
            yield ERRORS.of(count, kind)
