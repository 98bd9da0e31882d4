"""Which closed minutes of a market there are to compare, and what we have of each. Pure.

A minute in which nothing was traded has no bucket, and is as good a claim as any other: it is
closed once a later bucket is there. The one before a minute's own tells at what price it closed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.klines import RULES, told
from cloud_marketdata.domain.values import Timeframe

MINUTE: Final = Timeframe.M1.ns


class Minute(Struct, frozen=True):
    """A closed minute: its start in ns, our bucket of it, and our bar in the venue's fields.

    close_before: the price at which the minute directly before closed, None where we do not know.
    """

    start: int
    bucket: Aggregate | None
    ours: Mapping[str, str]
    close_before: str | None

    @property
    def end(self) -> int:
        """First nanosecond behind it."""
        return self.start + MINUTE

    @property
    def bar_revision(self) -> int:
        """Revision of our bar; 0 where there is none."""
        return self.bucket.revision if self.bucket else 0


def closed_minutes(buckets: Sequence[Aggregate], since: int, before: int) -> list[Minute]:
    """Return the closed minutes that start at or after `since` and end at or before `before`.

    buckets: of one market, ascending, from the minute before `since` on, which is no earlier than
    the market's first.
    """
    if not buckets:
        return []
    rule = RULES[buckets[0].instrument.venue.exchange]
    by_start = {bucket.start: bucket for bucket in buckets}
    bars = {start: told(bucket, rule) for start, bucket in by_start.items()}
    last = min(buckets[-1].start, before - MINUTE)
    return [
        Minute(
            start,
            by_start.get(start),
            bars.get(start, {}),
            bars.get(start - MINUTE, {}).get("close"),
        )
        for start in range(since, last + 1, MINUTE)
        if start not in by_start or by_start[start].final
    ]
