"""A simulated venue for days of few trades, and what every tier must hold of them at any moment.

The truth is the list of all trades that were made. What a tier must hold is said here by the
brief's own words (raw 60 minutes, minutes 24 h, hours 7 d, days in the cold tier for ever) and two
exceptions: what is not closed stays, and so does what a hole touches, until it is filled.
"""

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from random import Random

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument, Scale
from cloud_marketdata.domain.values import NS_PER_MS, NS_PER_S, Side, Timeframe, Venue
from cloud_marketdata.storage.ports import ObjectStore

MINUTE, HOUR, DAY = 60 * NS_PER_S, 3_600 * NS_PER_S, 86_400 * NS_PER_S
START = 19_943 * DAY
"""A midnight, in ns."""
LATENESS = 2 * NS_PER_S
WAITED = 72 * HOUR
S1, M1, H1, D1 = Timeframe.S1, Timeframe.M1, Timeframe.H1, Timeframe.D1


class HeldClock:
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> int:
        """Nanoseconds, as set."""
        return self.at

    def monotonic(self) -> float:
        """Seconds, as set."""
        return self.at / NS_PER_S

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.at += round(seconds * NS_PER_S)


class FarObjects:
    """An object store that can be away, and whose objects can be damaged."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self.away = False
        self.flipped: tuple[str, int] | None = None

    async def put(self, key: str, data: bytes) -> bool:
        """See ObjectStore."""
        self._reach()
        return await self._inner.put(key, data)

    async def get(self, key: str) -> bytes | None:
        """See ObjectStore; with one byte of one object changed, if that was asked for."""
        self._reach()
        data = await self._inner.get(key)
        if data is not None and self.flipped and self.flipped[0] == key:
            at = self.flipped[1] % len(data)
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        return data

    async def list(self, prefix: str) -> list[str]:
        """See ObjectStore."""
        self._reach()
        return await self._inner.list(prefix)

    def _reach(self) -> None:
        if self.away:
            msg = "the cold tier is away"
            raise StorageError(msg)


class Tape:
    """One market's trades: made hour by hour, heard at once, late, by back-fill, or never."""

    def __init__(self, venue: Venue, symbol: str, seed: int) -> None:
        scale = Scale(Decimal("0.10"), Decimal("0.001"))
        self.instrument = Instrument(venue, symbol, scale)
        self.made: list[TradeEvent] = []
        self.heard: list[TradeEvent] = []
        self._random = Random(seed)  # noqa: S311  a seeded market is to be the same every time
        self._price = 600_000

    def make(self, start: int, many: int) -> list[TradeEvent]:
        """Make trades of the hour that begins at `start`, none in its last minute."""
        times = sorted(self._random.randrange(59 * 60_000) for _ in range(many))
        return [self._trade(start + time * NS_PER_MS) for time in times]

    def hear(self, trades: Iterable[TradeEvent], now: int | None = None) -> list[TradeEvent]:
        """Note what reaches the log; those that come later than at once are stamped with `now`."""
        stamped = [self._received(one, now) for one in trades]
        self.heard += stamped
        return stamped

    def unheard(self) -> list[TradeEvent]:
        """Return what was made and never came, ascending."""
        ids = {one.id for one in self.heard}
        return [one for one in self.made if one.id not in ids]

    def hole(self) -> int | None:
        """Return the time of the trade before the first one that is missing, in whole ms."""
        missing = {one.id for one in self.unheard()}
        newest = max((one.sequence for one in self.heard), default=0)
        first = next((one for one in self.made if one.id in missing and one.id < newest), None)
        if first is None:
            return None
        return max(one.exchange_time for one in self.heard if one.sequence < first.sequence)

    def _trade(self, time: int) -> TradeEvent:
        number = len(self.made) + 1
        self._price += self._random.randrange(-3, 4)
        side = self._random.choice((Side.BUY, Side.SELL))
        size = self._random.randrange(1, 5_000)
        made = TradeEvent(
            self.instrument, number, self._price, size, side, time, time + NS_PER_MS, number
        )
        self.made.append(made)
        return made

    def _received(self, one: TradeEvent, now: int | None) -> TradeEvent:
        received = one.received_at if now is None else now
        return TradeEvent(
            one.instrument,
            one.id,
            one.price,
            one.size,
            one.side,
            one.exchange_time,
            received,
            one.sequence,
        )


def summed(trades: Iterable[TradeEvent], timeframe: Timeframe) -> dict[int, Aggregate]:
    """Fold trades from scratch, in the order of time: the brute force."""
    buckets: dict[int, Aggregate] = {}
    for one in sorted(trades, key=lambda one: (one.exchange_time, one.sequence)):
        start = timeframe.floor(one.exchange_time)
        if start not in buckets:
            buckets[start] = Aggregate(one.instrument, timeframe, start)
        buckets[start].add(one)
    return buckets


class Expected:
    """What the tiers must hold of a market at a moment, by the brief and the two exceptions."""

    def __init__(self, tape: Tape, now: int) -> None:
        times = sorted(one.exchange_time for one in tape.heard)
        self._now = now
        self._times = times
        self._hours = sorted({H1.floor(time) for time in times})
        self._hole = tape.hole() if tape.instrument.venue.contiguous_ids else None
        quiet = max(one.received_at for one in tape.heard) + WAITED <= now
        self.closed = max(times[-1] - LATENESS, D1.floor(now - WAITED) if quiet else 0)

    def seconds(self) -> set[int]:
        """Return the seconds of minutes that are young or open."""
        return {t for t in self._starts(S1) if not self._over(M1.floor(t) + MINUTE, HOUR)}

    def minutes(self) -> set[int]:
        """Return the minutes of hours that are younger than a day, open, or may still be filled."""
        return {t for t in self._starts(M1) if not self.minutes_over(H1.floor(t) + HOUR)}

    def hours(self, archived: set[int]) -> set[int]:
        """Return the closed hours of days that are younger than a week or not in the cold tier."""
        return {t for t in self._closed(H1) if not self._day_over(D1.floor(t), archived)}

    def days(self, archived: set[int]) -> set[int]:
        """Return the closed days that are younger than a week or not in the cold tier."""
        return {t for t in self._closed(D1) if not self._day_over(t, archived)}

    def archivable(self) -> set[int]:
        """Return the closed days of which no minute can change any more."""
        return {t for t in self._closed(D1) if self._minutes_passed(t + DAY)}

    def minutes_over(self, end: int) -> bool:
        """Whether the minutes of an hour that ends there have gone."""
        return self._over(end, 24 * HOUR) and (self._hole is None or end <= H1.floor(self._hole))

    def _minutes_passed(self, end: int) -> bool:
        at = bisect_left(self._hours, end - HOUR)
        # Nobody waits any more, or an hour at its end or behind it has gone.
        waited = end + WAITED <= self._now and (self._hole is None or end <= D1.floor(self._hole))
        return waited or any(self.minutes_over(hour + HOUR) for hour in self._hours[at : at + 1])

    def _starts(self, timeframe: Timeframe) -> set[int]:
        return {timeframe.floor(time) for time in self._times}

    def _closed(self, timeframe: Timeframe) -> set[int]:
        return {t for t in self._starts(timeframe) if t + timeframe.ns <= self.closed}

    def _over(self, end: int, kept: int) -> bool:
        return end + kept <= self._now and end <= self.closed

    def _day_over(self, start: int, archived: set[int]) -> bool:
        return start + DAY + 7 * DAY <= self._now and start in archived
