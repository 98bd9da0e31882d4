"""A volume profile as it leaves the service: rows, point of control, value area, sums."""

from collections.abc import Sequence
from typing import Any, Final

from cloud_marketdata.api.figures import (
    VWAP_ROUNDING,
    price_text,
    quote_text,
    size_text,
    vwap_text,
)
from cloud_marketdata.api.profile_outlines import NODE_RULE, SHAPE_RULE, edges, outline
from cloud_marketdata.api.questions import ProfileQuestion
from cloud_marketdata.api.schemas import PointOfControl, Profile, Row, ValueAreaOut
from cloud_marketdata.api.units import units_of
from cloud_marketdata.core.errors import BadRequestError, LimitError
from cloud_marketdata.domain.aggregate import Aggregate, combined
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.profile import Row as ProfileRow
from cloud_marketdata.domain.profile import VolumeProfile
from cloud_marketdata.domain.values import Timeframe, plain
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
    rows = profile.rows()
    if len(rows) > MOST_ROWS:
        msg = f"{len(rows)} rows are more than {MOST_ROWS}; ask for wider rows or a shorter range"
        raise LimitError(msg)
    totals = {row.row: row.total for row in rows}
    try:
        area = value_area(totals, method=question.va_method, pct=question.va_pct)
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    return Profile(
        **_facts(whole, profile, rows, area),
        **outline(profile, totals, area),
        rows=[_row(profile, row) for row in rows],
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


def _facts(
    whole: Aggregate, profile: VolumeProfile, rows: Sequence[ProfileRow], area: ValueArea
) -> dict[str, Any]:
    scale, bar, width = profile.scale, whole.bar, profile.row_ticks
    units = units_of(whole.instrument.symbol)
    buy, sell = sum(row.buy for row in rows), sum(row.sell for row in rows)
    quote = sum(row.buy_quote + row.sell_quote for row in rows)
    return {
        "venue": whole.instrument.venue.value,
        "symbol": whole.instrument.symbol,
        "unit": units.base,
        "quote_unit": units.quote,
        "tick": plain(scale.tick),
        "row_ticks": width,
        "row_size": price_text(scale, width),
        "volume": size_text(scale, buy + sell),
        "buy": size_text(scale, buy),
        "sell": size_text(scale, sell),
        "delta": size_text(scale, buy - sell),
        "quote_volume": quote_text(scale, quote),
        "count": sum(row.buy_count + row.sell_count for row in rows),
        "vwap": vwap_text(scale, quote, buy + sell),
        "high": price_text(scale, bar.high) if bar else None,
        "low": price_text(scale, bar.low) if bar else None,
        "poc": _control(profile, rows, area),
        "value_area": _area(profile, area),
        "rows_total": len(rows),
    }


def _row(profile: VolumeProfile, row: ProfileRow) -> Row:
    scale, width = profile.scale, profile.row_ticks
    return Row(
        low=price_text(scale, row.row * width),
        high=price_text(scale, row.row * width + width - 1),
        buy=size_text(scale, row.buy),
        sell=size_text(scale, row.sell),
        delta=size_text(scale, row.buy - row.sell),
        buy_count=row.buy_count,
        sell_count=row.sell_count,
    )


def _control(
    profile: VolumeProfile, rows: Sequence[ProfileRow], area: ValueArea
) -> PointOfControl | None:
    control = next((row for row in rows if row.row == area.poc), None)
    if control is None:
        return None
    low = control.row * profile.row_ticks
    return PointOfControl(
        low=price_text(profile.scale, low),
        high=price_text(profile.scale, low + profile.row_ticks - 1),
        volume=size_text(profile.scale, control.total),
    )


def _area(profile: VolumeProfile, area: ValueArea) -> ValueAreaOut:
    return ValueAreaOut(
        **dict(edges(profile, area)),
        pct=plain(area.pct),
        volume=size_text(profile.scale, area.volume),
    )
