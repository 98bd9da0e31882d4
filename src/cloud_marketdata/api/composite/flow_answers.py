"""Order flow over venues as it leaves the service: bars, shares by venue, and totals."""

from collections.abc import Mapping, Sequence

from cloud_marketdata.api.composite.bars import Bars, Past
from cloud_marketdata.api.composite.flows import Sums, Together, total
from cloud_marketdata.api.composite.profiles import CLOCK
from cloud_marketdata.api.composite.questions import CompositeFlowQuestion
from cloud_marketdata.api.composite.schemas import (
    CompositeBar,
    CompositeFlow,
    FlowShare,
    FlowTotals,
)
from cloud_marketdata.api.envelope import QualityOut, RangeOut
from cloud_marketdata.api.figures import quote_text, size_text
from cloud_marketdata.api.times import iso
from cloud_marketdata.api.units import units_of
from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.quality import Quality
from cloud_marketdata.domain.values import NS_PER_MS, Venue

MOST_GAPS = 100
Imbalances = Mapping[int, tuple[int, Scale, dict[Venue, int]]]


def flow_method(question: CompositeFlowQuestion) -> dict[str, str | int]:
    """Name how the numbers were made."""
    return {
        "timeframe": question.timeframe,
        "reset": question.reset,
        "grid": "coarsest common",
        "clock": CLOCK,
        "ofi": "touch, per change (Cont et al.); minutes by our clock, each venue's offset added",
    }


def composite_flow(
    question: CompositeFlowQuestion,
    scale: Scale,
    lines: Sequence[Together],
    past: Past,
    qualities: Mapping[Venue, Quality],
    flows: Imbalances,
) -> CompositeFlow:
    """Return the answer of lines that were summed on `scale`."""
    venues, units = list(qualities), units_of(question.symbol)
    counted = [line.point for line in lines if line.point.cvd is not None]
    whole = total(line.whole for line in lines)
    return CompositeFlow(
        symbol=question.symbol,
        venues=[venue.value for venue in venues],
        unit=units.base,
        quote_unit=units.quote,
        timeframe=question.timeframe,
        volume=size_text(scale, whole.volume),
        delta=size_text(scale, whole.delta),
        quote_volume=quote_text(scale, whole.quote),
        reset=question.reset,
        reset_at=counted[-1].reset_at // NS_PER_MS if counted else None,
        continuous=bool(counted) and all(p.complete and not p.segment for p in counted),
        by_venue={
            venue.value: _totals(scale, venue, lines, past, qualities[venue]) for venue in venues
        },
        bars=[_bar(scale, line, venues, flows) for line in lines],
    )


def _totals(
    scale: Scale, venue: Venue, lines: Sequence[Together], past: Past, quality: Quality
) -> FlowTotals:
    mine = total(line.parts[venue] for line in lines if venue in line.parts)
    known = past.known[venue]
    return FlowTotals(
        volume=size_text(scale, mine.volume),
        delta=size_text(scale, mine.delta),
        quote_volume=quote_text(scale, mine.quote),
        known_since=None if known.since is None else known.since // NS_PER_MS,
        gaps=[
            RangeOut(start=start // NS_PER_MS, end=-(-end // NS_PER_MS))
            for start, end in known.gaps[-MOST_GAPS:]
        ],
        quality=QualityOut.of(quality),
    )


def _bar(scale: Scale, line: Together, venues: Sequence[Venue], flows: Imbalances) -> CompositeBar:
    whole, point = line.whole, line.point
    buy = (whole.volume + whole.delta) // 2
    count, grid, lots = flows.get(line.start, (0, scale, {}))
    ofi = {venue: size_text(grid, lots[venue]) if count else None for venue in venues}
    return CompositeBar(
        open_time=line.start // NS_PER_MS,
        volume=size_text(scale, whole.volume),
        buy=size_text(scale, buy),
        sell=size_text(scale, whole.volume - buy),
        quote_volume=quote_text(scale, whole.quote),
        delta=size_text(scale, whole.delta),
        quote_delta=quote_text(scale, whole.quote_delta),
        cvd=None if point.cvd is None else size_text(scale, point.cvd),
        cvd_since=point.since // NS_PER_MS,
        segment=point.segment,
        complete=point.complete,
        final=all(line.final.values()),
        ofi=size_text(grid, sum(lots.values())) if count else None,
        ofi_minutes=count,
        by_venue={venue.value: _share(scale, line, venue, ofi[venue]) for venue in venues},
    )


def _share(scale: Scale, line: Together, venue: Venue, ofi: str | None) -> FlowShare:
    mine = line.parts.get(venue, Sums())
    return FlowShare(
        volume=size_text(scale, mine.volume),
        delta=size_text(scale, mine.delta),
        quote_volume=quote_text(scale, mine.quote),
        quote_delta=quote_text(scale, mine.quote_delta),
        final=line.final.get(venue),
        ofi=ofi,
    )


def bars_notes(bars: Bars, past: Past) -> tuple[str, ...]:
    """Say where venues differ in what is known of them."""
    since = {venue: known.since for venue, known in past.known.items()}
    late = [
        f"{venue} is not known before {iso(time)}"
        for venue, time in since.items()
        if time is not None and time > bars.range.start
    ]
    return (*bars.notes, *past.notes, *late)
