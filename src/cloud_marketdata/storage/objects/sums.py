"""Holds a day's profile, its hours and its minutes against each other: they are one tape. Pure."""

from collections.abc import Iterable, Iterator
from functools import reduce

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.bar import Bar
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.profile import Row, VolumeProfile
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.objects.bars import DayBars, TimedBar


def profile_faults(day: Aggregate) -> Iterator[str]:
    """Yield in which sums the rows of a day differ from its bar."""
    for name, rows, bar in zip(_SUMS, _of_rows(day.profile), _of_bar(day.bar), strict=True):
        if rows != bar:
            yield f"the rows sum to a {name} of {rows}, the bar of the day says {bar}"


def bars_faults(day: Aggregate, bars: DayBars) -> Iterator[str]:
    """Yield how the bars contradict the day: their hours must sum to it, minutes fit in hours."""
    hours = bars.of(Timeframe.H1)
    ours, theirs = bars.instrument.scale, day.scale
    # One content may have been counted on two grids.
    both = ours.meet(theirs)
    summed, bar = _on(_merged(hours), ours, both), _on(day.bar, theirs, both)
    if summed != bar:
        yield f"the hours do not sum to the day: {summed}, not {bar}"
    minutes = bars.of(Timeframe.M1)
    for hour in hours:
        inside = [one for one in minutes if Timeframe.H1.floor(one.start) == hour.start]
        if inside and not _fits(_merged(inside), hour.bar):
            yield f"the minutes of the hour at {hour.start} do not fit in it"
    starts = {hour.start for hour in hours}
    if any(Timeframe.H1.floor(one.start) not in starts for one in minutes):
        yield "there are minutes without their hour"


_SUMS = ("volume", "quote volume", "taker buy volume", "taker buy quote volume", "count")


def _of_rows(profile: VolumeProfile) -> tuple[int, ...]:
    rows = profile.rows()
    columns = list(zip(*rows, strict=True)) or [()] * len(Row._fields)
    _, buy, sell, buy_quote, sell_quote, buys, sells = map(sum, columns)
    return buy + sell, buy_quote + sell_quote, buy, buy_quote, buys + sells


def _of_bar(bar: Bar | None) -> tuple[int, ...]:
    if bar is None:
        return (0,) * len(_SUMS)
    taken = bar.taker_buy_volume, bar.taker_buy_quote_volume
    return bar.volume, bar.quote_volume, *taken, bar.count


def _merged(bars: Iterable[TimedBar]) -> Bar | None:
    parts = [one.bar for one in bars]
    return reduce(Bar.merged, parts) if parts else None


def _on(bar: Bar | None, mine: Scale, finer: Scale) -> Bar | None:
    return bar and bar.rescaled(*mine.factors(finer))


def _fits(minutes: Bar | None, hour: Bar) -> bool:
    """Whether some of an hour's minutes, or all of them, sum to a part of it, or to all of it."""
    if minutes is None or minutes.count == hour.count:
        return minutes is None or minutes == hour
    sums = zip(_of_bar(minutes), _of_bar(hour), strict=True)
    within = hour.low <= minutes.low and minutes.high <= hour.high
    return within and all(part <= whole for part, whole in sums)
