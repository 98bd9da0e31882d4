"""Rejected input in memory."""

from collections import Counter, deque
from collections.abc import Sequence
from itertools import islice

from cloud_marketdata.domain.events import Rejection
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.bounds import QUARANTINE_SAMPLES


class MemoryQuarantine:
    """Quarantine in memory."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Venue, str]] = Counter()
        self._samples: deque[Rejection] = deque(maxlen=QUARANTINE_SAMPLES)

    async def record(
        self, counts: dict[tuple[Venue, str], int], samples: Sequence[Rejection]
    ) -> None:
        """Add to the counts and keep the samples; the oldest make room."""
        self._counts.update(counts)
        self._samples.extend(samples)

    async def counts(self) -> dict[tuple[Venue, str], int]:
        """Return all counts."""
        return dict(self._counts)

    async def samples(self, limit: int = 100) -> list[Rejection]:
        """Return the newest samples, newest first."""
        return list(islice(reversed(self._samples), limit))
