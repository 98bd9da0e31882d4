"""Bars of equal activity: each closes on the trade that fills it.

Tick bars close on the trade that brings their fills to the size, volume bars their lots, dollar
bars their quote amount; the whole trade stays in the bar, so a bar may be larger than the size, and
no trade is cut. Counting starts anew at every anchor, the same for everybody, so bars do not depend
on when anybody began to listen. The last bar before an anchor, or before now, is left unfilled.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import groupby

from msgspec import Struct

from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.tape import Mark


class Activity(StrEnum):
    """What fills a bar."""

    TICK = "tick"
    VOLUME = "volume"
    DOLLAR = "dollar"


class ActivityBar(Struct):
    """A bar with the marks of its first and last trade; `full` where it closed by its own size.

    anchor: the time that its bars are counted from. number: its place behind it, from 0.
    """

    bar: Bar
    first: Mark
    last: Mark
    anchor: int
    number: int
    full: bool = False


def activity_bars(
    trades: Iterable[TradeEvent], kind: Activity, size: int, every: int
) -> Iterator[ActivityBar]:
    """Make the bars of trades that are in order, on one grid, and begin at an anchor.

    Args:
        trades: by (match time, sequence); those kept out of bars do not count.
        kind: what fills a bar.
        size: fills, lots, or ticks times lots.
        every: anchors are the whole multiples of it, in ns since the epoch.

    Raises:
        ValueError: on a size or a distance that is not above 0.
    """
    if size < 1 or every < 1:
        msg = f"bars of {size} every {every} ns cannot be filled"
        raise ValueError(msg)
    inside = (trade for trade in trades if not trade.flags or trade.in_bars)
    for anchor, group in groupby(inside, lambda trade: trade.exchange_time // every * every):
        yield from _counted(group, kind, size, anchor)


def _counted(
    trades: Iterable[TradeEvent], kind: Activity, size: int, anchor: int
) -> Iterator[ActivityBar]:
    """Make the bars of one anchor."""
    made: ActivityBar | None = None
    number = 0
    for trade in trades:
        mark = (trade.exchange_time, trade.sequence, trade.id)
        if made is None:
            made = ActivityBar(Bar.of(trade), mark, mark, anchor, number)
        else:
            made.bar.add(trade)
            made.last = mark
        if _filled(made.bar, kind) >= size:
            made.full = True
            yield made
            made, number = None, number + 1
    if made:
        yield made


def _filled(bar: Bar, kind: Activity) -> int:
    if kind is Activity.TICK:
        return bar.count
    return bar.volume if kind is Activity.VOLUME else bar.quote_volume
