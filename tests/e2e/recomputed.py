"""Buckets by brute force: all trades of a bucket at once, sorted and summed, hours like seconds.

Nothing of the product's folding is used: no watermark, no positions, no sums of sums.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import Side, Timeframe


class Bucket(NamedTuple):
    """One bucket in ticks and lots.

    bar: open, high, low, close, volume, quote volume, fills, bought volume, bought quote volume.
    rows: six sums by price. tape: ids of the first and the last trade, and how many there are.
    """

    bar: tuple[int, ...]
    rows: dict[int, tuple[int, ...]]
    tape: tuple[int | str, int | str, int]


def recomputed(trades: Iterable[TradeEvent], timeframe: Timeframe) -> dict[int, Bucket]:
    """Return the buckets of trades that are all counted on one grid, by their start."""
    members = defaultdict(list)
    for trade in trades:
        members[trade.exchange_time // timeframe.ns * timeframe.ns].append(trade)
    return {start: _bucket(found, timeframe) for start, found in sorted(members.items())}


def retold(aggregate: Aggregate) -> Bucket:
    """Return a stored aggregate in the same form."""
    bar, span = aggregate.bar, aggregate.span
    assert span is not None
    sums = () if bar is None else tuple(getattr(bar, name) for name in bar.__struct_fields__[:9])
    rows = {row.row: tuple(row[1:]) for row in aggregate.profile.rows()}
    return Bucket(sums, rows, (span.first[2], span.last[2], span.trades))


def _bucket(trades: list[TradeEvent], timeframe: Timeframe) -> Bucket:
    trades.sort(key=lambda trade: (trade.exchange_time, trade.sequence))
    counted = [trade for trade in trades if trade.in_bars]
    rows = {} if timeframe is Timeframe.S1 else _rows(counted)
    return Bucket(_bar(counted), rows, (trades[0].id, trades[-1].id, len(trades)))


def _bar(trades: Sequence[TradeEvent]) -> tuple[int, ...]:
    if not trades:
        return ()
    prices = [trade.price for trade in trades]
    bought = [trade for trade in trades if trade.side is Side.BUY]
    return (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(trade.size for trade in trades),
        sum(trade.price * trade.size for trade in trades),
        sum(trade.fills for trade in trades),
        sum(trade.size for trade in bought),
        sum(trade.price * trade.size for trade in bought),
    )


def _rows(trades: Iterable[TradeEvent]) -> dict[int, tuple[int, ...]]:
    rows: dict[int, list[int]] = defaultdict(lambda: [0] * 6)
    for trade in trades:
        sums, side = rows[trade.price], int(trade.side is not Side.BUY)
        sums[side] += trade.size
        sums[2 + side] += trade.price * trade.size
        sums[4 + side] += trade.fills
    return {price: tuple(sums) for price, sums in rows.items()}
