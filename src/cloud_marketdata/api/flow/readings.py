"""What folds measured of each bar, from the minutes that they have told.

Readings of a bar's minutes are merged in their order. They are said only where they lie on one
grid, and the way of delta only where it is that of the very trades of the bar: a minute that is not
told yet, or was told before a late trade came, would make a wrong extreme of a right bar.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.processing.metrics import MEASURES
from cloud_marketdata.processing.metrics.delta_path import DeltaPath
from cloud_marketdata.processing.metrics.measures import Figure

PATH: Final = DeltaPath.name
TOO_SHORT: Final = "measures are told by the minute"
UNTOLD: Final = "no minute of this bar has been told, or is still kept"
OTHER_TRADES: Final = "the told minutes do not hold exactly this bar's trades, or not yet"
OTHER_GRID: Final = "the market's grid was refined inside this bar"


class Path(Struct, frozen=True):
    """The way of delta through a bar in lots of `scale`, and its number of taker orders."""

    least: int
    most: int
    clusters: int
    scale: Scale


class Told(Struct, frozen=True):
    """What was told of a bar: how much of it, and with what doubts.

    measures: figures by measure, or None where nothing may be said; `reason` says why.
    path: the way of delta, or None; `path_reason` says why.
    """

    minutes: int = 0
    book_ms: int = 0
    warming: tuple[str, ...] = ()
    measures: Mapping[str, Mapping[str, Figure]] | None = None
    reason: str | None = None
    path: Path | None = None
    path_reason: str | None = None


def told_by_bar(
    bars: Sequence[Aggregate], minutes: Sequence[FlowMinute], timeframe: Timeframe
) -> list[Told]:
    """Return what ascending minutes say of each bar of a timeframe."""
    if timeframe.ns < Timeframe.M1.ns:
        return [Told(reason=TOO_SHORT, path_reason=TOO_SHORT) for _ in bars]
    grouped = groupby(minutes, key=lambda minute: timeframe.floor(minute.start))
    by_bar = {start: list(inside) for start, inside in grouped}
    return [_told(bar, by_bar.get(bar.start, [])) for bar in bars]


def _told(bar: Aggregate, minutes: Sequence[FlowMinute]) -> Told:
    if not minutes:
        return Told(reason=UNTOLD, path_reason=UNTOLD)
    scales = {minute.instrument.scale for minute in minutes}
    one_grid = len(scales) == 1
    path = _path(bar, minutes) if one_grid else None
    return Told(
        minutes=len(minutes),
        book_ms=sum(minute.book_ms for minute in minutes),
        warming=tuple(sorted({name for minute in minutes for name in minute.warming})),
        measures=_measures(minutes) if one_grid else None,
        reason=None if one_grid else OTHER_GRID,
        path=path,
        path_reason=None if path else OTHER_TRADES if one_grid else OTHER_GRID,
    )


def _measures(minutes: Sequence[FlowMinute]) -> dict[str, Mapping[str, Figure]]:
    scale = minutes[0].instrument.scale
    made = {}
    for name, measure in MEASURES.items():
        readings = [minute.readings[name] for minute in minutes if name in minute.readings]
        if readings and name != PATH:
            made[name] = measure.described(measure.merged(readings), scale)
    return made


def _path(bar: Aggregate, minutes: Sequence[FlowMinute]) -> Path | None:
    """Return the way of delta where it is that of the bar's own trades."""
    readings = [minute.readings[PATH] for minute in minutes if PATH in minute.readings]
    if not readings or bar.bar is None or bar.span is None:
        return None
    told = MEASURES[PATH].merged(readings)
    scale = minutes[0].instrument.scale
    delta, least, most, clusters, trades = (
        value if isinstance(value := told[name], int) else 0
        for name in ("delta", "min_delta", "max_delta", "clusters", "trades")
    )
    in_bars = bar.span.trades - sum(bar.span.off_book.values())
    ours = bar.scale.size(2 * bar.bar.taker_buy_volume - bar.bar.volume)
    if (trades, scale.size(delta)) != (in_bars, ours):
        return None
    return Path(least, most, clusters, scale)
