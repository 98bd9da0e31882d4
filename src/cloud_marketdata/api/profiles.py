"""A volume profile as it leaves the service: rows, point of control, value area, sums."""

from collections.abc import Sequence
from operator import add
from typing import Any, Final

from cloud_marketdata.api.figures import (
    VWAP_ROUNDING,
    price_text,
    quote_text,
    size_text,
    vwap_text,
)
from cloud_marketdata.api.profile_outlines import NODE_RULE, SHAPE_RULE, edges, outline
from cloud_marketdata.api.profile_rows import profile_rows
from cloud_marketdata.api.questions import ProfileQuestion
from cloud_marketdata.api.schemas import PointOfControl, Profile, ValueAreaOut
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.values import Timeframe, plain
from cloud_marketdata.processing.metrics.expansion import Ladder
from cloud_marketdata.processing.metrics.rows import default_row_ticks
from cloud_marketdata.processing.metrics.value_area import ValueArea, value_area

MOST_ROWS: Final = 50_000
WIDEST_ROW: Final = 10**12


def profile_data(
    instrument: Instrument, parts: Sequence[Aggregate], question: ProfileQuestion
) -> Profile:
    """Sum the parts and describe them.

    Raises BadRequestError on an unknown method, LimitError on more rows than one answer may hold.
    """
    whole = combined(parts, Timeframe.D1, 0) or Aggregate(instrument, Timeframe.D1, 0)
    profile = whole.profile.coarsened(row_ticks_of(whole.profile, question.row_ticks))
    if len(profile) > MOST_ROWS:
        msg = (
            f"{len(profile)} rows are more than {MOST_ROWS}; ask for wider rows or a shorter range"
        )
        raise LimitError(msg)
    rows, *cells = profile.table()
    ladder = Ladder(dict(zip(rows, map(add, *cells[:2]), strict=True)))
    try:
        area = value_area(ladder, method=question.va_method, pct=question.va_pct)
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    return Profile(
        **_facts(whole, profile),
        **_sums(profile, cells),
        **outline(profile, ladder, area),
        poc=_control(profile, ladder, area),
        value_area=_area(profile, area),
        rows=profile_rows(profile),
    )


def profile_method(profile: Profile) -> dict[str, str | int]:
    """Name how the numbers were made."""
    return {
        "va": profile.value_area.method,
        "va_pct": profile.value_area.pct,
        "row_ticks": profile.row_ticks,
        "poc_tie": "nearest the middle, then lower",
        "vwap": VWAP_ROUNDING,
        "nodes": NODE_RULE,
        "shape": SHAPE_RULE,
    }


def row_ticks_of(profile: VolumeProfile, asked: int | None) -> int:
    """Return how wide the rows are to be; raises LimitError."""
    if asked is not None:
        if not 1 <= asked <= WIDEST_ROW:
            msg = f"row_ticks must be 1 to {WIDEST_ROW}"
            raise LimitError(msg)
        return asked
    return default_row_ticks(*profile.bounds) if profile.bounds else 1


def _facts(whole: Aggregate, profile: VolumeProfile) -> dict[str, Any]:
    scale, bar, width = profile.scale, whole.bar, profile.row_ticks
    units = units_of(whole.instrument.symbol)
    return {
        "venue": whole.instrument.venue.value,
        "symbol": whole.instrument.symbol,
        "unit": units.base,
        "quote_unit": units.quote,
        "tick": plain(scale.tick),
        "row_ticks": width,
        "row_size": price_text(scale, width),
        "high": price_text(scale, bar.high) if bar else None,
        "low": price_text(scale, bar.low) if bar else None,
        "rows_total": len(profile),
    }


def _sums(profile: VolumeProfile, cells: Sequence[Sequence[int]]) -> dict[str, Any]:
    scale = profile.scale
    buy, sell, *quotes_and_counts = map(sum, cells)
    quote, count = sum(quotes_and_counts[:2]), sum(quotes_and_counts[2:])
    return {
        "volume": size_text(scale, buy + sell),
        "buy": size_text(scale, buy),
        "sell": size_text(scale, sell),
        "delta": size_text(scale, buy - sell),
        "quote_volume": quote_text(scale, quote),
        "count": count,
        "vwap": vwap_text(scale, quote, buy + sell),
    }


def _control(profile: VolumeProfile, ladder: Ladder, area: ValueArea) -> PointOfControl | None:
    if area.poc is None:
        return None
    low = area.poc * profile.row_ticks
    return PointOfControl(
        low=price_text(profile.scale, low),
        high=price_text(profile.scale, low + profile.row_ticks - 1),
        volume=size_text(profile.scale, ladder.lots[area.poc]),
    )


def _area(profile: VolumeProfile, area: ValueArea) -> ValueAreaOut:
    return ValueAreaOut(
        **dict(edges(profile, area)),
        pct=plain(area.pct),
        volume=size_text(profile.scale, area.volume),
    )
