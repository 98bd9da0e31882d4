"""A venue's own bar of a minute, and how a bar of our trades is held against it.

Both sides are compared as canonical decimals, so an equal text is an equal number. What each venue
tells, and from where it draws a bar's `open`, was measured once and stands here with its day: see
docs/decisions/0016. Pure; it refuses nothing, a kline was read before it came here.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.aggregate import Aggregate
from cloud_marketdata.domain.values import Exchange, canonical

_PRICES: Final = ("open", "high", "low", "close")


class Kline(Struct, frozen=True):
    """The venue's bar of the minute that begins at `start` ns: fields as canonical decimals."""

    start: int
    fields: Mapping[str, str]


class KlineRule(Struct, frozen=True):
    """How a venue draws its klines.

    fields: those it tells, in its order. opens_at_close: whether a bar opens at the close of the
    minute before, which then counts as high or low too, in place of its own first trade.
    settled: the day of the captures that showed it.
    """

    fields: tuple[str, ...]
    opens_at_close: bool
    settled: str


RULES: Final = {
    Exchange.BINANCE: KlineRule(
        fields=(
            *_PRICES,
            "volume",
            "quote_volume",
            "count",
            "taker_buy_volume",
            "taker_buy_quote_volume",
        ),
        opens_at_close=False,
        settled="2024-08-09",
    ),
    Exchange.BYBIT: KlineRule(
        fields=(*_PRICES, "volume", "quote_volume"),
        opens_at_close=True,
        settled="2026-08-09",
    ),
}


def told(bucket: Aggregate | None, rule: KlineRule) -> dict[str, str]:
    """Return our bar in the venue's fields, nothing where nothing was traded into it."""
    if bucket is None or bucket.bar is None:
        return {}
    bar, scale = bucket.bar, bucket.scale
    every = {
        "open": scale.price(bar.open),
        "high": scale.price(bar.high),
        "low": scale.price(bar.low),
        "close": scale.price(bar.close),
        "volume": scale.size(bar.volume),
        "quote_volume": scale.quote(bar.quote_volume),
        "count": Decimal(bar.count),
        "taker_buy_volume": scale.size(bar.taker_buy_volume),
        "taker_buy_quote_volume": scale.quote(bar.taker_buy_quote_volume),
    }
    return {name: canonical(every[name]) for name in rule.fields}


def drawn(ours: Mapping[str, str], close_before: str, rule: KlineRule) -> dict[str, str]:
    """Return the kline that the venue must tell of a minute which is as we have it.

    ours: as `told` says it. close_before: the price at which the minute before closed.
    """
    if not ours:
        return {name: close_before if name in _PRICES else "0" for name in rule.fields}
    if not rule.opens_at_close:
        return dict(ours)
    opened = Decimal(close_before)
    high, low = max(Decimal(ours["high"]), opened), min(Decimal(ours["low"]), opened)
    return {**ours, "open": close_before, "high": canonical(high), "low": canonical(low)}


def differing(
    ours: Mapping[str, str], theirs: Mapping[str, str], close_before: str | None, rule: KlineRule
) -> tuple[str, ...]:
    """Return the fields in which the venue's kline is not what our bar says it must be.

    close_before: None where we do not know it; then the venue is believed what it opened at.
    """
    expected = drawn(ours, theirs["open"] if close_before is None else close_before, rule)
    return tuple(name for name in rule.fields if expected[name] != theirs[name])
