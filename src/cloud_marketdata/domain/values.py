"""Venues, sides, timeframes and exact numbers.

Decimal appears here and in `instrument` only: on the way in (venue text) and on the way out
(answers). Between the two every price is an integer count of ticks and every size of lots.
"""

import math
import re
from decimal import Context, Decimal, Inexact
from enum import IntFlag, StrEnum
from typing import Final

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

# Any rounding is a bug, so the context traps it instead of rounding.
EXACT: Final = Context(prec=120, traps=[Inexact])
FINEST: Final = Decimal("1e-12")
_NUMBER = re.compile(r"\d{1,24}(\.\d{1,24})?", re.ASCII)


class Exchange(StrEnum):
    """A company that runs one or more venues."""

    BINANCE = "binance"
    BYBIT = "bybit"


class Venue(StrEnum):
    """A market with its own symbols, ids and books."""

    BINANCE_SPOT = "binance-spot"
    BINANCE_USDM = "binance-usdm"
    BYBIT_SPOT = "bybit-spot"
    BYBIT_LINEAR = "bybit-linear"

    @property
    def exchange(self) -> Exchange:
        """The company behind the venue."""
        return Exchange(self.value.partition("-")[0])

    @property
    def contiguous_ids(self) -> bool:
        """Whether trade ids grow by exactly one, so that a hole proves a loss."""
        return self.exchange is Exchange.BINANCE


class Side(StrEnum):
    """The side of the taker, the one who crossed the spread."""

    BUY = "buy"
    SELL = "sell"


class TradeFlag(IntFlag):
    """What sets a trade apart from an ordinary match in the public book."""

    NONE = 0
    BLOCK = 1
    RPI = 2
    INSURANCE_FUND = 4
    ADL = 8
    OFF_BOOK = 16


# These happened away from the book: kept in the log, left out of bars, profiles and delta.
NOT_IN_BARS: Final = TradeFlag.BLOCK | TradeFlag.INSURANCE_FUND | TradeFlag.ADL | TradeFlag.OFF_BOOK


class Timeframe(StrEnum):
    """Length of a time bar; buckets are half-open, in UTC, anchored at the epoch."""

    S1 = "1s"
    S5 = "5s"
    S15 = "15s"
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def ns(self) -> int:
        """Length in nanoseconds."""
        return _LENGTH_S[self] * NS_PER_S

    def floor(self, time_ns: int) -> int:
        """Start of the bucket that holds `time_ns`."""
        return time_ns - time_ns % self.ns


_LENGTH_S: Final = {
    Timeframe.S1: 1,
    Timeframe.S5: 5,
    Timeframe.S15: 15,
    Timeframe.M1: 60,
    Timeframe.M5: 300,
    Timeframe.M15: 900,
    Timeframe.H1: 3_600,
    Timeframe.H4: 14_400,
    Timeframe.D1: 86_400,
}


class BadNumberError(ValueError):
    """The text is not a plain non-negative decimal, or is finer than any market's grid."""


def parse_decimal(text: str) -> Decimal:
    """Read venue text such as `61800.30`; anything but digits and one point is refused."""
    if not _NUMBER.fullmatch(text):
        msg = f"not a plain decimal: {text[:40]!r}"
        raise BadNumberError(msg)
    return Decimal(text)


def plain(value: Decimal) -> str:
    """Write a decimal without an exponent, keeping its trailing zeros."""
    return format(value, "f")


def canonical(value: Decimal) -> str:
    """Write a decimal the one way that does not depend on the scale it was computed in."""
    return format(value.normalize(EXACT), "f")


def common_step(first: Decimal, second: Decimal) -> Decimal:
    """Largest step of which both values are whole multiples (their exact gcd)."""
    places = max(0, -_exponent(first), -_exponent(second))
    whole = [int(value.scaleb(places, EXACT)) for value in (first, second)]
    return Decimal(math.gcd(*whole)).scaleb(-places, EXACT)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        msg = f"not a finite decimal: {value}"
        raise BadNumberError(msg)
    return exponent
