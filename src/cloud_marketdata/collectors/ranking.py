"""Which symbols of a venue are traded most, judged by its own 24 hours.

Pure. Exact: a volume is the venue's text as a decimal, and equal volumes are ordered by name, so
the same ranking always chooses the same symbols.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from cloud_marketdata.core.config import SYMBOL, Discover
from cloud_marketdata.domain.values import BadNumberError, parse_decimal

_NAME: Final = re.compile(SYMBOL)


class Ranked(NamedTuple):
    """A symbol that trades now, its quote asset, and its volume of 24 hours in that asset."""

    symbol: str
    quote_asset: str
    quote_volume: Decimal


def volumes(told: Iterable[tuple[str, str]]) -> dict[str, Decimal]:
    """Read volumes by symbol; a text that is no plain decimal leaves its symbol out."""
    read = {}
    for symbol, text in told:
        try:
            read[symbol] = parse_decimal(text)
        except BadNumberError:
            continue
    return read


def most_traded(ranking: Iterable[Ranked], wanted: Discover) -> tuple[str, ...]:
    """Return the symbols that are wanted, largest volume first.

    Left out is what no setting could name: dated contracts, and names that are not plain letters
    and digits.
    """
    fitting = [
        ranked
        for ranked in ranking
        if ranked.quote_asset == wanted.quote and _NAME.fullmatch(ranked.symbol)
    ]
    # Two stable sorts, because turning the sign of a decimal would round it.
    fitting.sort(key=lambda ranked: ranked.symbol)
    fitting.sort(key=lambda ranked: ranked.quote_volume, reverse=True)
    return tuple(ranked.symbol for ranked in fitting[: wanted.top])
