"""Trades into time buckets: which are open, when they close, and what comes too late. Pure.

The watermark runs `lateness` behind the newest match time. A bucket closes when the watermark
passes its end; a trade for a closed bucket is late and makes a new revision. A trade for a bucket
that has been forgotten is too late, and is left out.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.horizons import NOTHING_FORGOTTEN, Horizons

FOLDED: Final = (Timeframe.S1, Timeframe.M1)
"""What every trade is folded into; hours and days are exact sums of closed minutes."""

BucketKey = tuple[Timeframe, int]


class Windows:
    """The buckets of one instrument that are open, or closed and not yet stored.

    `newest` is the match time from which a restarted worker knows its watermark.
    """

    def __init__(
        self,
        lateness_ns: int,
        restored: Iterable[Aggregate] = (),
        newest: int = 0,
        horizons: Horizons = NOTHING_FORGOTTEN,
    ) -> None:
        self._lateness = lateness_ns
        self._passed = 0
        self.horizons = horizons
        self._held = {(item.timeframe, item.start): item for item in restored}
        # Whoever stored them may have closed earlier than we do: all that is not held is closed.
        self._closed = min((item.end - 1 for item in self._held.values()), default=newest)
        self._changed: set[BucketKey] = set()
        self._newest = newest

    @property
    def watermark(self) -> int:
        """Buckets that end at or before it are closed."""
        return max(self._newest - self._lateness, self._passed)

    @property
    def unsaved(self) -> int:
        """How many buckets differ from what is stored."""
        return len(self._changed)

    def passed(self, time: int) -> None:
        """Take notice that no trades from before this time are waited for any more."""
        self._passed = max(self._passed, time)

    def timely(self, trades: Sequence[TradeEvent]) -> Sequence[TradeEvent]:
        """Return the trades that do not come too late."""
        limit = self.horizons.trades
        if min(map(_match_time, trades)) >= limit:
            return trades
        return [trade for trade in trades if trade.exchange_time >= limit]

    def needed(self, trades: Sequence[TradeEvent]) -> list[BucketKey]:
        """Return the closed buckets that are not held but must take some of these trades.

        All trades must be timely, here and in `fold`.
        """
        times = {trade.exchange_time for trade in trades}
        # The common case is quick: nothing in the batch is older than the watermark's minute.
        young = min(times) >= Timeframe.M1.floor(max(self.watermark, self._closed))
        frames = (Timeframe.S1,) if young else FOLDED
        return self._missing(times, frames)

    def reopen(self, aggregates: Iterable[Aggregate]) -> None:
        """Hold closed buckets again: what they take from now on is late and a new revision."""
        for item in aggregates:
            item.final = True
            item.revision += 1
            self._held[item.timeframe, item.start] = item

    def fold(self, trades: Sequence[TradeEvent], position: int) -> None:
        """Add a log entry's trades; a bucket that includes the entry already skips it.

        Buckets named by `needed` must have been reopened before.
        """
        times = [trade.exchange_time for trade in trades]
        limit = self.horizons.seconds
        # A late trade may find its minute, but not its second any more.
        fine = trades if min(times) >= limit else [t for t in trades if t.exchange_time >= limit]
        self._fold(Timeframe.S1, fine, position)
        self._fold(Timeframe.M1, trades, position)
        self._newest = max(self._newest, *times)

    def close(self) -> None:
        """Mark the buckets that the watermark has passed as final."""
        for key, item in self._held.items():
            if not item.final and item.end <= self.watermark:
                item.final = True
                self._changed.add(key)

    def changed(self) -> list[Aggregate]:
        """Return the buckets that differ from what is stored, ascending by timeframe and start."""
        return [self._held[key] for key in sorted(self._changed, key=_order)]

    def saved(self) -> None:
        """Note that all of `changed` is stored: closed buckets may go."""
        self._changed.clear()
        self._held = {key: item for key, item in self._held.items() if not item.final}

    def held(self) -> list[Aggregate]:
        """Return every bucket in memory, ascending by timeframe and start."""
        return [self._held[key] for key in sorted(self._held, key=_order)]

    def _missing(self, times: set[int], timeframes: Sequence[Timeframe]) -> list[BucketKey]:
        keys = {(timeframe, timeframe.floor(time)) for timeframe in timeframes for time in times}
        mark = max(self.watermark, self._closed)
        return sorted(
            (
                key
                for key in keys
                if key not in self._held and key[1] + key[0].ns <= mark and self._kept(key)
            ),
            key=_order,
        )

    def _kept(self, key: BucketKey) -> bool:
        return key[0] is not Timeframe.S1 or key[1] >= self.horizons.seconds

    def _fold(self, timeframe: Timeframe, trades: Sequence[TradeEvent], position: int) -> None:
        touched: list[Aggregate] = []
        bucket: Aggregate | None = None
        start = end = 0
        for trade in trades:
            time = trade.exchange_time
            if bucket is None or not start <= time < end:
                bucket = self._bucket(timeframe, trade)
                start, end = bucket.start, bucket.end
                touched.append(bucket)
            if bucket.position < position:
                bucket.add(trade)
                bucket.late += bucket.final
        for bucket in touched:
            bucket.position = max(bucket.position, position)

    def _bucket(self, timeframe: Timeframe, trade: TradeEvent) -> Aggregate:
        key = (timeframe, timeframe.floor(trade.exchange_time))
        self._changed.add(key)
        bucket = self._held.get(key)
        if bucket is None:
            bucket = self._held[key] = Aggregate(trade.instrument, *key)
        return bucket


_match_time = attrgetter("exchange_time")


def _order(key: BucketKey) -> tuple[int, int]:
    return key[0].ns, key[1]
