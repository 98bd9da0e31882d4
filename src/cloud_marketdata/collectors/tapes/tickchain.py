"""Corroboration by the venue's own hints: how each trade's price moved from the one before.

The hints of one connection must fit the prices of its trades. One that does not proves that a trade
between the two was lost, or that they came in the wrong order; hints that all fit prove nothing.
Pure; an unknown or missing hint breaks the chain and is no alarm, and neither is a repeat.
"""

from collections import deque
from typing import Final

from cloud_marketdata.domain.events import TapeDoubt, TradeEvent
from cloud_marketdata.domain.values import TradeFlag

_AFTER_RISE: Final = frozenset({"PlusTick", "ZeroPlusTick"})
_RECENT_MAX: Final = 256
_HINTS: Final = _AFTER_RISE | {"MinusTick", "ZeroMinusTick"}


class TickChain:
    """One symbol on one connection; `hint` is PlusTick, ZeroPlusTick, MinusTick, ZeroMinusTick."""

    def __init__(self) -> None:
        self._last: TradeEvent | None = None
        self._hint = ""
        self._recent: deque[int | str] = deque(maxlen=_RECENT_MAX)

    def follow(self, trade: TradeEvent, hint: str | None) -> TapeDoubt | None:
        """Take the next trade and its hint; return the doubt where the two do not fit."""
        last, before = self._last, self._hint
        if hint not in _HINTS or trade.flags & TradeFlag.BLOCK:
            # A block trade happened off the book; whether hints count it is not documented.
            self._last = None
            return None
        self._last, self._hint = trade, hint
        self._recent.append(trade.id)
        # On a refined grid the counts of ticks cannot be compared.
        if last is None or last.instrument is not trade.instrument:
            return None
        expected = _expected(trade.price - last.price, before)
        # A message that comes twice ends where it did, so only its beginning is odd.
        if hint == expected or self._recent.count(trade.id) > 1:
            return None
        reason = f"the venue says {hint} where the trade before makes it {expected}"
        end = max(last.exchange_time, trade.exchange_time)
        return TapeDoubt(trade.instrument, last.exchange_time, end, reason)


def _expected(change: int, before: str) -> str:
    if change:
        return "PlusTick" if change > 0 else "MinusTick"
    return "ZeroPlusTick" if before in _AFTER_RISE else "ZeroMinusTick"
