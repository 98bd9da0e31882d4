"""The parameters of the fault language: how each is read from text and written back.

Times are kept as whole milliseconds, so that a fault that is written and read again is the same.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from cloud_marketdata.domain.values import Venue

MOST: Final = 10**12
MOST_INBOUND: Final = 60
MOST_PARTS: Final = 1000
UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
SPAN: Final = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)?", re.ASCII)


class Parameter(Struct, frozen=True):
    """A name in the language, the field of a fault it fills, and both ways between them.

    `read` raises ValueError saying what the value should have been.
    """

    name: str
    field: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def _whole(least: int, most: int = MOST) -> Callable[[str], int]:
    def read(text: str) -> int:
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= len(str(MOST)):
            number = int(text)
            if number and least <= number <= most:
                return number
        msg = f"a whole number from {least} to {most}" + (", not 0" if least < 0 else "")
        raise ValueError(msg)

    return read


def _parts(text: str) -> int:
    parts = _whole(2, MOST_PARTS)(text)
    if MOST_PARTS**3 % parts:
        msg = f"a whole number from 2 to {MOST_PARTS} that divides a power of ten"
        raise ValueError(msg)
    return parts


def _chance(text: str) -> float:
    try:
        chance = float(text)
    except ValueError:
        chance = math.nan
    if not 0 < chance <= 1:
        msg = "a number above 0 and at most 1"
        raise ValueError(msg)
    return chance


def _span(text: str) -> int:
    found = SPAN.fullmatch(text)
    ms = Decimal(found[1]) * UNITS[found[2] or "s"] if found else Decimal(0)
    if not 0 < ms <= MOST or ms % 1:
        msg = "a time such as 300ms, 2s, 5m or 24h"
        raise ValueError(msg)
    return int(ms)


def _span_text(ms: int) -> str:
    unit = next(name for name, size in UNITS.items() if ms % size == 0)
    return f"{ms // UNITS[unit]}{unit}"


def _seconds(text: str) -> int:
    ms = _span(text)
    if ms % UNITS["s"]:
        msg = "whole seconds"
        raise ValueError(msg)
    return ms // UNITS["s"]


def _word(text: str) -> str:
    if not text or not text.isprintable():
        msg = "a word"
        raise ValueError(msg)
    return text


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            msg = f"one of {', '.join(words)}"
            raise ValueError(msg)
        return text

    return read


def _client(text: str) -> str:
    return text if text in {"oldest", "newest"} else str(_whole(1)(text))


SYMBOL: Final = Parameter("symbol", "symbol", _word)
CLIENT: Final = Parameter("client", "client", _client)
VENUE: Final = Parameter("venue", "venue", _one_of(*Venue))
AT: Final = Parameter("at", "at", _whole(1))
EVERY: Final = Parameter("every", "every", _whole(1))
CHANCE: Final = Parameter("chance", "chance", _chance)
TIMES: Final = Parameter("times", "times", _whole(1))
AFTER: Final = Parameter("after", "after", _span, _span_text)
FOR: Final = Parameter("for", "lasting", _span, _span_text)
PERIOD: Final = Parameter("every", "period", _span, _span_text)
AGE: Final = Parameter("age", "age", _span, _span_text)
GRACE: Final = Parameter("grace", "grace", _span, _span_text)
BAN: Final = Parameter("ban", "ban", _span, _span_text)
RETRY_AFTER: Final = Parameter("retry-after", "retry_after", _seconds)
MS: Final = Parameter("ms", "ms", _whole(1))
SHIFT_MS: Final = Parameter("ms", "ms", _whole(-MOST))
BY: Final = Parameter("by", "by", _whole(1))
DIVIDE: Final = Parameter("divide", "divide", _parts)
HOW: Final = Parameter("how", "how", _one_of("cut", "types"))
FIELD: Final = Parameter(
    "field",
    "field",
    _one_of(
        "open",
        "high",
        "low",
        "close",
        "volume",
        "quote_volume",
        "count",
        "taker_buy_volume",
        "taker_buy_quote_volume",
    ),
)
PATH: Final = Parameter("path", "path", _word)
WEIGHT: Final = Parameter("weight", "weight", _whole(1))
INBOUND: Final = Parameter("inbound", "inbound", _whole(1, MOST_INBOUND))
