"""Folds the raw trades that the log still holds once more, into the buckets that are stored.

The log loses its oldest entries, never some in between, so a bucket is wholly inside it where it
begins after the first entry came, and a minute later because clocks differ. One entry may stay
although others behind it have gone: the one with the newest match time. It is not the first then.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_S, Timeframe, Venue
from cloud_marketdata.processing.windows import FOLDED, BucketKey
from cloud_marketdata.storage.ports import EventLog, Record, Stream, StreamKind

_PAGE: Final = 200
_SKEW_NS: Final = 60 * NS_PER_S


class Refolded:
    """Buckets made from the log alone.

    positions: of stored buckets, the last log position inside; nothing behind it is folded. What
    is in none of them is folded up to `inside`, the position up to which everything is stored.
    """

    def __init__(self, positions: Mapping[BucketKey, int], inside: int) -> None:
        self.buckets: dict[BucketKey, Aggregate] = {}
        self._positions = positions
        self._inside = inside
        self._begun = 1 << 62
        self._newest = (-1, -1)

    async def read(self, log: EventLog, venue: Venue, symbol: str) -> None:
        """Fold the whole stream; what was trimmed meanwhile counts as gone."""
        stream = Stream(venue, symbol, StreamKind.TRADES)
        after = 0
        while records := await log.read(stream, after=after, limit=_PAGE):
            for record in records:
                self._fold(record)
            after = records[-1].position
        # Looked at last: what has been trimmed while it was read may have been missed.
        first = [r for r in await log.read(stream, limit=2) if r.position != self._newest[1]]
        self._begun = min((_received(record) for record in first), default=self._begun)

    def covers(self, start: int) -> bool:
        """Whether every trade of a bucket that begins at `start` was in the log."""
        return start >= self._begun + _SKEW_NS

    def _fold(self, record: Record) -> None:
        trades = _trades(record)
        newest = max(trade.exchange_time for trade in trades)
        self._newest = max(self._newest, (newest, record.position))
        for timeframe in FOLDED:
            for trade in trades:
                self._add(timeframe, trade, record.position)

    def _add(self, timeframe: Timeframe, trade: TradeEvent, position: int) -> None:
        key = (timeframe, timeframe.floor(trade.exchange_time))
        if position > self._positions.get(key, self._inside):
            return
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Aggregate(trade.instrument, *key)
        bucket.add(trade)


def _trades(record: Record) -> Sequence[TradeEvent]:
    # A stream of kind TRADES holds nothing else.
    return [event for event in record.events if isinstance(event, TradeEvent)]


def _received(record: Record) -> int:
    return min(trade.received_at for trade in _trades(record))
