"""Exact numbers as text: sums in an instrument's scale, and the few quotients, rounded once."""

from decimal import Decimal
from typing import Final

from cloud_marketdata.domain.instrument import Scale
from cloud_marketdata.domain.values import EXACT, plain

VWAP_ROUNDING: Final = "quote_volume / volume, 8 decimals more than the tick, half-even"


def price_text(scale: Scale, ticks: int) -> str:
    """Write a count of ticks."""
    return plain(scale.price(ticks))


def size_text(scale: Scale, lots: int) -> str:
    """Write a count of lots."""
    return plain(scale.size(lots))


def quote_text(scale: Scale, tick_lots: int) -> str:
    """Write a sum of ticks times lots."""
    return plain(scale.quote(tick_lots))


def vwap_text(scale: Scale, tick_lots: int, lots: int) -> str | None:
    """Write the volume-weighted price, or None without volume; see VWAP_ROUNDING."""
    if not lots:
        return None
    return plain(rounded(scale.price(tick_lots), Decimal(lots), decimals(scale.tick) + 8))


def rounded(dividend: Decimal, divisor: Decimal, places: int) -> Decimal:
    """Divide and round once, half-even, to a number of decimals."""
    quotient, rest = EXACT.divmod(dividend.scaleb(places, EXACT), divisor)
    whole, twice = int(quotient), EXACT.multiply(rest, Decimal(2))
    if twice > divisor or (twice == divisor and whole % 2):
        whole += 1
    return Decimal(whole).scaleb(-places, EXACT)


def decimals(step: Decimal) -> int:
    """Return how many decimals a step is written with."""
    exponent = step.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
