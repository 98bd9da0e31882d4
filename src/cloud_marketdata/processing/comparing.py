"""Holds a stored aggregate against its recomputation, and says what differs and by how much. Pure.

Equal means an equal content hash, which does not depend on grid, process or order. An equal one is
proven whatever is known of the tape; that it differs says something only if all of it was there.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from cloud_marketdata.domain.aggregate import Aggregate, state_hash
from cloud_marketdata.domain.values import EXACT, Timeframe, Venue, canonical

MOST_FIELDS = 20
"""Fields that one finding names; a profile may have thousands of rows."""

_PRICES = ("open", "high", "low", "close")
_SIZES = ("volume", "taker_buy_volume")
_QUOTES = ("quote_volume", "taker_buy_quote_volume")


class Outcome(StrEnum):
    """What came of recomputing one aggregate."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNCOVERED = "not_covered"


class Field(Struct, frozen=True):
    """One value that differs; None where a side has none, `by` only between numbers."""

    stored: str | None
    recomputed: str | None
    by: str | None = None


class Finding(Struct, frozen=True):
    """An aggregate that differs from its recomputation out of `source`.

    tier: where it is stored. start: in ns. fields: at most MOST_FIELDS of them, of `differing`.
    """

    venue: Venue
    symbol: str
    timeframe: Timeframe
    start: int
    tier: str
    source: str
    differing: int
    fields: dict[str, Field]


def equal(stored: Aggregate | None, again: Aggregate | None) -> bool:
    """Whether both are there and of one content."""
    return stored is not None and again is not None and state_hash([stored]) == state_hash([again])


def finding(
    stored: Aggregate | None, again: Aggregate | None, *, tier: str, source: str
) -> Finding:
    """Describe how two aggregates of one bucket differ; one of them may be missing."""
    any_of = stored or again
    assert any_of is not None, "a bucket is looked at because somebody has it"
    mine = _values(stored) if stored else {}
    theirs = _values(again) if again else {}
    names = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
    instrument = any_of.instrument
    return Finding(
        instrument.venue,
        instrument.symbol,
        any_of.timeframe,
        any_of.start,
        tier,
        source,
        len(names),
        {name: _field(mine.get(name), theirs.get(name)) for name in names[:MOST_FIELDS]},
    )


def _field(stored: Decimal | str | None, again: Decimal | str | None) -> Field:
    by = None
    if isinstance(stored, Decimal) and isinstance(again, Decimal):
        by = canonical(EXACT.subtract(again, stored))
    return Field(_text(stored), _text(again), by)


def _text(value: Decimal | str | None) -> str | None:
    return canonical(value) if isinstance(value, Decimal) else value


def _values(aggregate: Aggregate) -> dict[str, Decimal | str]:
    """Name everything that the content hash is made of."""
    return {**_tape(aggregate), **_bar(aggregate), **_rows(aggregate)}


def _tape(aggregate: Aggregate) -> dict[str, Decimal | str]:
    span = aggregate.span
    if span is None:
        return {}
    return {
        "trades": Decimal(span.trades),
        "first_id": str(span.first[2]),
        "last_id": str(span.last[2]),
        **{f"off_book {kind}": Decimal(count) for kind, count in span.off_book.items()},
    }


def _bar(aggregate: Aggregate) -> dict[str, Decimal | str]:
    bar, scale = aggregate.bar, aggregate.scale
    if bar is None:
        return {}
    return {
        **{name: scale.price(getattr(bar, name)) for name in _PRICES},
        **{name: scale.size(getattr(bar, name)) for name in _SIZES},
        **{name: scale.quote(getattr(bar, name)) for name in _QUOTES},
        "count": Decimal(bar.count),
    }


def _rows(aggregate: Aggregate) -> dict[str, Decimal | str]:
    scale, profile = aggregate.scale, aggregate.profile
    values: dict[str, Decimal | str] = {}
    for row in profile.rows():
        at = f"profile {canonical(scale.price(row.row * profile.row_ticks))}"
        values[f"{at} buy"] = scale.size(row.buy)
        values[f"{at} sell"] = scale.size(row.sell)
        values[f"{at} buy_quote"] = scale.quote(row.buy_quote)
        values[f"{at} sell_quote"] = scale.quote(row.sell_quote)
        values[f"{at} buy_count"] = Decimal(row.buy_count)
        values[f"{at} sell_count"] = Decimal(row.sell_count)
    return values
