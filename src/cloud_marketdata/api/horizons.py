"""What has left the warm tier, by timeframe, and which cuts of time can therefore still be made.

Seconds leave first, then minutes, then hours; days move on to the cold tier and stay for ever. A
range that begins or ends inside a bucket which has no finer parts any more is widened to the whole
bucket: its trades can be told together or not at all.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple

from cloud_marketdata.api.times import TimeRange, ceiling
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import AggregateRepository

KEPT_FRAMES: Final = (Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1)


class Horizons(Struct, frozen=True):
    """Times, in ns, before which the warm tier has forgotten a market's buckets, or 0.

    They are those of seconds, minutes, hours and days, each as the start of a bucket of the next
    coarser timeframe, because whoever needs one of its parts needs all of them. Before `days` the
    cold tier has the days. late: a trade before it is too late for every bucket, so nothing changes
    there any more.
    """

    seconds: int = 0
    minutes: int = 0
    hours: int = 0
    days: int = 0
    late: int = 0

    def of(self, frame: Timeframe) -> int:
        """Return the time before which no bucket of a kept timeframe can be read."""
        return {
            Timeframe.S1: self.seconds,
            Timeframe.M1: self.minutes,
            Timeframe.H1: self.hours,
            Timeframe.D1: 0,
        }[frame]

    def finest(self, time: int) -> Timeframe:
        """Return the finest timeframe, from minutes on, that is kept of an instant."""
        kept = (frame for frame in (Timeframe.M1, Timeframe.H1) if self.of(frame) <= time)
        return next(kept, Timeframe.D1)

    def widened(self, asked: TimeRange) -> TimeRange:
        """Return the range with its ends moved outwards to cuts that are still possible.

        A cut inside a minute is left as it is: raw trades may still prove it.
        """
        first, last = self.finest(asked.start), self.finest(asked.end)
        start = asked.start if first is Timeframe.M1 else first.floor(asked.start)
        end = asked.end if last is Timeframe.M1 else ceiling(asked.end, last)
        return TimeRange(start, end)

    def available(self, timeframe: Timeframe, frames: Sequence[Timeframe]) -> int:
        """Return the first start of a bar that can be made of buckets of `frames`."""
        return min(ceiling(self.of(frame), timeframe) for frame in frames)

    def divided(self, asked: TimeRange) -> tuple[TimeRange, TimeRange]:
        """Return the part that nothing can change any more, whole days or all, and the rest."""
        fixed = self.late if asked.end <= self.late else Timeframe.D1.floor(self.late)
        cut = min(max(asked.start, fixed), asked.end)
        return TimeRange(asked.start, cut), TimeRange(cut, asked.end)

    def until(self, later: "Horizons") -> list[TimeRange]:
        """Return the spans over which minutes, hours or days were forgotten between two looks."""
        pairs = zip(self._buckets, later._buckets, strict=True)  # noqa: SLF001  of our own kind
        return [TimeRange(before, now) for before, now in pairs if before < now]

    def latest(self, other: "Horizons") -> "Horizons":
        """Return the later one of each horizon of two looks."""
        pairs = zip(self.__struct_fields__, astuple(self), astuple(other), strict=True)
        return Horizons(**{name: max(both) for name, *both in pairs})

    @property
    def _buckets(self) -> tuple[int, int, int]:
        return self.minutes, self.hours, self.days

    def inside(self, within: TimeRange) -> tuple[int, ...]:
        """Return the horizons as far as they matter to a range."""
        start, end = within
        every = (self.seconds, self.minutes, self.hours, self.days)
        return tuple(min(max(horizon, start), end) for horizon in every)


async def read_horizons(aggregates: AggregateRepository, at: tuple[Venue, str]) -> Horizons:
    """Read the horizons of a market."""
    seconds, minutes, hours, days = await asyncio.gather(
        *(aggregates.horizon(*at, frame) for frame in KEPT_FRAMES)
    )
    whole = ceiling(minutes, Timeframe.H1), ceiling(hours, Timeframe.D1)
    return Horizons(
        seconds=ceiling(seconds, Timeframe.M1),
        minutes=whole[0],
        hours=whole[1],
        days=Timeframe.D1.floor(days),
        late=max(*whole, ceiling(days, Timeframe.D1)),
    )
