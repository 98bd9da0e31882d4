"""Bars of order flow as they leave the service: sizes, delta, CVD, and what was measured."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from cloud_marketdata.api.envelope import RangeOut
from cloud_marketdata.api.figures import price_text, quote_text, rounded, size_text
from cloud_marketdata.api.flow.gaps import Known
from cloud_marketdata.api.flow.lines import Line, bar_delta
from cloud_marketdata.api.flow.readings import Told
from cloud_marketdata.api.flow.schemas import CvdOut, FlowBar, OrderFlow
from cloud_marketdata.api.units import units_of
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.processing.metrics.cvd import Policy

MOST_GAPS: Final = 100


def percent(part: int, whole: int) -> str | None:
    """Write 100 x part / whole with four decimals, half-even, or None without a whole."""
    if not whole:
        return None
    share = rounded(Decimal(abs(part) * 100), Decimal(whole), 4)
    return format(-share if part < 0 else share, "f")


def flow_data(
    instrument: Instrument,
    timeframe: Timeframe,
    lines: Sequence[Line],
    bars: list[FlowBar],
    cvd: CvdOut,
) -> OrderFlow:
    """Return an answer with the sums of its bars."""
    scale = lines[-1].scale if lines else instrument.scale
    lots = [line.part.scale.factors(scale)[1] for line in lines]
    pairs = list(zip(lines, lots, strict=True))
    volume = sum(line.bar.volume * lot for line, lot in pairs)
    buy = sum(line.bar.taker_buy_volume * lot for line, lot in pairs)
    units = units_of(instrument.symbol)
    return OrderFlow(
        venue=instrument.venue.value,
        symbol=instrument.symbol,
        unit=units.base,
        quote_unit=units.quote,
        timeframe=timeframe.value,
        volume=size_text(scale, volume),
        buy=size_text(scale, buy),
        sell=size_text(scale, volume - buy),
        delta=size_text(scale, 2 * buy - volume),
        delta_pct=percent(2 * buy - volume, volume),
        cvd=cvd,
        bars=bars,
    )


def cvd_data(policy: Policy, lines: Sequence[Line], known: Known) -> CvdOut:
    """Say how the sums of an answer's bars came to be."""
    counted = [line for line in lines if line.point.cvd is not None]
    if not counted:
        return CvdOut(
            reset=policy, reset_at=None, since=None, continuous=False, gaps=[], gaps_total=0
        )
    first, last = counted[0].point, counted[-1].point
    since = max(last.since, known.since or 0)
    end = counted[-1].part.end
    inside = [gap for gap in known.gaps if gap[1] > first.reset_at and gap[0] < end]
    shown = inside[-MOST_GAPS:]
    return CvdOut(
        reset=policy,
        reset_at=last.reset_at // NS_PER_MS,
        since=since // NS_PER_MS,
        continuous=since == last.reset_at
        and all(line.point.complete and not line.point.segment for line in counted),
        gaps=[RangeOut(start=at // NS_PER_MS, end=-(-to // NS_PER_MS)) for at, to in shown],
        gaps_total=len(inside),
    )


def flow_bar(line: Line, told: Told, *, measured: bool) -> FlowBar:
    """Describe one bar; `measured` adds the figures of all measures."""
    part, bar, path = line.part, line.bar, told.path
    scale, delta = part.scale, bar_delta(bar)
    figures = told.measures if measured else None
    return FlowBar(
        open_time=part.start // NS_PER_MS,
        open=price_text(scale, bar.open),
        high=price_text(scale, bar.high),
        low=price_text(scale, bar.low),
        close=price_text(scale, bar.close),
        volume=size_text(scale, bar.volume),
        buy=size_text(scale, bar.taker_buy_volume),
        sell=size_text(scale, bar.volume - bar.taker_buy_volume),
        quote_volume=quote_text(scale, bar.quote_volume),
        delta=size_text(scale, delta),
        quote_delta=quote_text(scale, 2 * bar.taker_buy_quote_volume - bar.quote_volume),
        delta_pct=percent(delta, bar.volume),
        min_delta=size_text(path.scale, path.least) if path else None,
        max_delta=size_text(path.scale, path.most) if path else None,
        clusters=path.clusters if path else None,
        path_reason=told.path_reason,
        **_sums(line),
        count=bar.count,
        final=part.final,
        revision=part.revision,
        late=part.late,
        told_minutes=told.minutes,
        book_ms=told.book_ms,
        warming=list(told.warming),
        measures=None if figures is None else {name: dict(one) for name, one in figures.items()},
        measures_reason=told.reason if measured else "not asked for",
    )


def _sums(line: Line) -> dict[str, Any]:
    point = line.point
    return {
        "cvd": None if point.cvd is None else size_text(line.scale, point.cvd),
        "cvd_reset_at": point.reset_at // NS_PER_MS,
        "cvd_since": point.since // NS_PER_MS,
        "segment": point.segment,
        "complete": point.complete,
        "bar_divergence": line.inside.value if line.inside else None,
        "swing_divergence": None if line.swing is None else [one.value for one in line.swing],
    }
