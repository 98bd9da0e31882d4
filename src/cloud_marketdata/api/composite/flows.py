"""Order flow over venues: bars of equal time are added up; CVD breaks where any of them has a gap.

All sums are taken on the coarsest grid that holds every venue's sizes, so they are exact and do not
depend on the order of the venues. Bars are those of each venue's own match times.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from cloud_marketdata.api.flow.lines import bar_delta
from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.flow import FlowMinute
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.processing.metrics.cvd import Gaps, Point, Reset, Step, cvd


class Sums(Struct, frozen=True):
    """What one venue traded in one bar, in lots and ticks times lots of the common grid."""

    volume: int = 0
    delta: int = 0
    quote: int = 0
    quote_delta: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """Return the sum of both."""
        return Sums(
            self.volume + other.volume,
            self.delta + other.delta,
            self.quote + other.quote,
            self.quote_delta + other.quote_delta,
        )


class Together(Struct, frozen=True):
    """One bar over all venues; `parts` has only those that traded in it."""

    start: int
    parts: dict[Venue, Sums]
    final: dict[Venue, bool]
    whole: Sums
    point: Point


def together(
    bars: Mapping[Venue, Sequence[Aggregate]],
    base: Mapping[Venue, Sequence[Aggregate]],
    since: int,
    reset: Reset,
    gaps: Gaps,
) -> tuple[Scale | None, list[Together]]:
    """Return the common grid, and a line for each bar in which something traded, ascending.

    base: what every venue traded from `since` up to the first bar. The grid is None where nothing
    traded at all.
    """
    scale = common_scale(part for some in (bars, base) for parts in some.values() for part in parts)
    if scale is None:
        return None, []
    found = [_bar(start, some, scale) for start, some in _by_start(bars)]
    steps = [Step(start, end, whole.delta) for start, end, _, whole, _ in found]
    before = total(_sums(part, scale) for parts in base.values() for part in parts if part.bar)
    points = cvd([Step(since, since, before.delta), *steps], reset, gaps)[1:]
    return scale, [
        Together(start, parts, final, whole, point)
        for (start, _, parts, whole, final), point in zip(found, points, strict=True)
    ]


def _by_start(
    bars: Mapping[Venue, Sequence[Aggregate]],
) -> list[tuple[int, dict[Venue, Aggregate]]]:
    """Return for each time, ascending, the bars of the venues that traded then."""
    found: dict[int, dict[Venue, Aggregate]] = {}
    for venue, parts in bars.items():
        for part in parts:
            if part.bar:
                found.setdefault(part.start, {})[venue] = part
    return sorted(found.items())


def _bar(
    start: int, some: Mapping[Venue, Aggregate], scale: Scale
) -> tuple[int, int, dict[Venue, Sums], Sums, dict[Venue, bool]]:
    """Return start and end of a bar, what each venue and all traded in it, and what is final."""
    parts = {venue: _sums(part, scale) for venue, part in some.items()}
    end = max(part.end for part in some.values())
    return start, end, parts, total(parts.values()), {v: part.final for v, part in some.items()}


def common_scale(parts: Iterable[Aggregate]) -> Scale | None:
    """Return the coarsest grid that holds all of them."""
    scale: Scale | None = None
    for part in parts:
        scale = part.scale if scale is None else scale.meet(part.scale)
    return scale


def total(sums: Iterable[Sums]) -> Sums:
    """Add up."""
    whole = Sums()
    for one in sums:
        whole = whole.plus(one)
    return whole


def imbalances(
    minutes: Iterable[FlowMinute], venues: Sequence[Venue], timeframe: Timeframe
) -> dict[int, tuple[int, Scale, dict[Venue, int]]]:
    """Return by bar how many minutes a pair told, their grid, and each venue's imbalance in lots.

    A bar whose minutes lie on different grids is left out, and so are bars of less than a minute.
    """
    found: dict[int, tuple[int, Scale, dict[Venue, int]]] = {}
    mixed: set[int] = set()
    for minute in minutes:
        start, scale = timeframe.floor(minute.start), minute.instrument.scale
        told = minute.readings.get("pair_ofi", {})
        count, grid, sums = found.get(start, (0, scale, dict.fromkeys(venues, 0)))
        if grid != scale:
            mixed.add(start)
        for venue in venues:
            value = told.get(venue.value)
            sums[venue] += value if isinstance(value, int) else 0
        found[start] = (count + 1, grid, sums)
    return {start: one for start, one in found.items() if start not in mixed}


def _sums(part: Aggregate, scale: Scale) -> Sums:
    bar = part.bar
    assert bar is not None, "only bars in which something traded are summed"
    tick, lot = part.scale.factors(scale)
    return Sums(
        bar.volume * lot,
        bar_delta(bar) * lot,
        bar.quote_volume * tick * lot,
        (2 * bar.taker_buy_quote_volume - bar.quote_volume) * tick * lot,
    )
