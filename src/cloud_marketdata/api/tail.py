"""The young end of the log: trades that are durable but not yet inside saved aggregates.

A reader takes the saved position first, then the aggregates, then this tail. Whatever was saved in
between is recognised by the position each aggregate carries, so nothing counts twice or is lost.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from cloud_marketdata.api.times import TimeRange
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.ledger import Ledger
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import EventLog, Stream

_PAGE: Final = 100
MOST_TRADES: Final = 200_000


class Placed(NamedTuple):
    """A trade and the log position of its entry."""

    position: int
    trade: TradeEvent


class Tail(NamedTuple):
    """Trades after a position, in log order; `caught_up` is false where they were too many."""

    trades: list[Placed]
    caught_up: bool


async def read_tail(
    log: EventLog,
    stream: Stream,
    after: int,
    *,
    since: int = 0,
    most_trades: int = MOST_TRADES,
) -> Tail:
    """Read the trades after a position up to the entry that is the newest now.

    Those before `since` are left out: they came so late that no worker will fold them any more.

    The end is fixed before reading, so a fast writer cannot keep the reader running and all parts
    of an answer are cut at one place. Stops early, at a whole entry, after `most_trades`.
    """
    last = await log.last(stream)
    placed: list[Placed] = []
    while last is not None and after < last.position:
        records = await log.read(stream, after=after, limit=_PAGE)
        if not records:
            break
        for position, events in records:
            if position > last.position:
                break
            if len(placed) >= most_trades:
                return Tail(placed, caught_up=False)
            placed += [
                Placed(position, event)
                for event in events
                if isinstance(event, TradeEvent) and event.exchange_time >= since
            ]
        after = records[-1].position
    return Tail(placed, caught_up=True)


def remember(ledger: Ledger, tail: Iterable[Placed]) -> None:
    """Fold the tail's trades into a ledger, which skips the entries it has inside."""
    for position, entry in groupby(tail, key=lambda placed: placed.position):
        ledger.fold_trades(position, [placed.trade for placed in entry])


def folded(
    tiles: Sequence[Aggregate], tail: Iterable[Placed], within: TimeRange, frame: Timeframe
) -> list[Aggregate]:
    """Return the tiles with the tail's trades of a range inside, ascending by start.

    `tiles` are disjoint and ascending; a trade outside all of them opens a bucket of `frame`. The
    tiles themselves stay as they are: what comes on top is summed apart and merged, which is exact.
    A closed bucket that gets a trade is not final again before its new revision is saved.
    """
    starts = [tile.start for tile in tiles]
    parts = {tile.start: tile for tile in tiles}
    young: dict[int, Aggregate] = {}
    for position, trade in tail:
        time = trade.exchange_time
        if not within.holds(time):
            continue
        at = bisect_right(starts, time) - 1
        tile = tiles[at] if at >= 0 and time < tiles[at].end else None
        if tile is not None and position <= tile.position:
            continue
        start = tile.start if tile else frame.floor(time)
        bucket = young.get(start)
        if bucket is None:
            length = tile.timeframe if tile else frame
            bucket = young[start] = Aggregate(trade.instrument, length, start)
        bucket.add(trade)
        bucket.position = max(bucket.position, position)
        bucket.late += tile is not None and tile.final
    for start, bucket in young.items():
        old = parts.get(start)
        parts[start] = combined([old, bucket], old.timeframe, start) or old if old else bucket
    return [parts[start] for start in sorted(parts)]
