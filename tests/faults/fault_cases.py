"""What a case is: a fault, how it is found, what is told of it, and what proves that it is over."""

from typing import Any, Final, NamedTuple

from fault_signs import Sign

from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.values import Venue

SPOT, USDM = Venue.BINANCE_SPOT, Venue.BINANCE_USDM
BYBIT_SPOT, LINEAR = Venue.BYBIT_SPOT, Venue.BYBIT_LINEAR
BINANCE, BYBIT = (SPOT, USDM), (BYBIT_SPOT, LINEAR)
ALL = (*BINANCE, *BYBIT)
COMPLETE, REPAIRED = CoverageState.COMPLETE, CoverageState.REPAIRED
UNBROKEN, UNKNOWN = CoverageState.UNBROKEN, CoverageState.UNKNOWN
MISSING = CoverageState.MISSING
TWO = ("BTCUSDT", "ETHUSDT")
FOUR = (*TWO, "SOLUSDT", "DOGEUSDT")


class Patience(NamedTuple):
    """How long it takes until a fault can be told at all; the law is one second more."""

    seconds: float
    words: str


AT_ONCE: Final = Patience(0.0, "")


class Case(NamedTuple):
    """A fault at some venues, and its signs.

    from_start: the fault is set before the service connects. prevented: it must never strike,
    because what it waits for does not happen.
    """

    fault: str
    venues: tuple[Venue, ...]
    detection: Sign
    state: tuple[Sign, ...]
    ledger: tuple[Sign, ...]
    metric: tuple[Sign, ...]
    recovery: tuple[Sign, ...]
    patience: Patience = AT_ONCE
    symbols: tuple[str, ...] = ("BTCUSDT",)
    settings: tuple[tuple[str, Any], ...] = ()
    from_start: bool = False
    prevented: bool = False
