"""What is kept in memory of one market: its buckets, and what outlives them."""

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Timeframe

Bucket = tuple[Timeframe, int]


class Market:
    """Packed aggregates by bucket; position, fence and horizons survive their removal."""

    def __init__(self) -> None:
        self.bodies: dict[Bucket, bytes] = {}
        self.open: set[Bucket] = set()
        self.position = 0
        self.fence = 0
        self.horizons: dict[Timeframe, int] = {}
        self._positions: dict[Bucket, int] = {}

    def take(self, aggregate: Aggregate, body: bytes) -> None:
        """Keep an aggregate, unless a newer one is there or its time has been removed."""
        bucket = (aggregate.timeframe, aggregate.start)
        self.position = max(self.position, aggregate.position)
        if aggregate.end <= self.horizons.get(aggregate.timeframe, 0):
            return
        if aggregate.position < self._positions.get(bucket, 0):
            return
        self.bodies[bucket] = body
        self._positions[bucket] = aggregate.position
        if aggregate.final:
            self.open.discard(bucket)
        else:
            self.open.add(bucket)

    def forget(self, timeframe: Timeframe, before: int) -> int:
        """Remove what is final and ends at or before `before`, for good; return how many went."""
        gone = [
            (timeframe, start)
            for start in self.starts(timeframe)
            if start + timeframe.ns <= before and (timeframe, start) not in self.open
        ]
        for bucket in gone:
            del self.bodies[bucket], self._positions[bucket]
        self.horizons[timeframe] = max(self.horizons.get(timeframe, 0), before)
        return len(gone)

    def changed(self, timeframe: Timeframe, after: int) -> list[int]:
        """Return the starts of buckets whose position is above `after`, ascending."""
        return sorted(
            start
            for (of, start), position in self._positions.items()
            if of is timeframe and position > after
        )

    def starts(self, timeframe: Timeframe) -> list[int]:
        """Return the starts of the buckets of a timeframe, in no order."""
        return [start for of, start in self.bodies if of is timeframe]
