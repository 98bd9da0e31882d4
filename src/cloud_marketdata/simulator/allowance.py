"""How much of a venue's REST budget is used, and what becomes of those who use too much.

Binance counts weights by the minute: beyond the limit it answers 429, and 418 to a client that goes
on asking. Bybit counts requests by five seconds and bans with 403 at once. Nobody is refused unless
a `limit weight=` fault is set.
"""

from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S, Exchange
from cloud_marketdata.simulator.faults.mischief import Mischief
from cloud_marketdata.simulator.faults.replies import Refusal, WeightLimit
from cloud_marketdata.simulator.faults.trigger import MS

# Requests answered with 429 before the venue bans, and the shortest bans.
PATIENCE: Final = 3
WINDOW_S: Final = {Exchange.BINANCE: 60, Exchange.BYBIT: 5}
BAN_S: Final = {Exchange.BINANCE: 120, Exchange.BYBIT: 600}
TOO_MUCH: Final = 429
BANNED: Final = {Exchange.BINANCE: 418, Exchange.BYBIT: 403}


class Allowance:
    """The budget of all clients together, who have one address here."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._window, self._used = 0, 0
        self._overruns = 0
        self._banned_until = 0

    def spend(self, weight: int) -> int:
        """Take weight from the budget; return what is used in this window."""
        window = self._now() // WINDOW_S[self._exchange]
        if window != self._window:
            self._window, self._used, self._overruns = window, 0, 0
        self._used += weight
        return self._used

    def refusal(self, mischief: Mischief) -> Refusal | None:
        """Return how the request just paid for is refused, or None."""
        limits = [limit for limit in mischief.of(WeightLimit) if limit.enforced()]
        if not limits:
            self._banned_until = 0
        for limit in limits:
            if self._now() < self._banned_until or self._used > limit.fault.weight:
                limit.refuse()
                return self._refused(limit)
        return None

    def _refused(self, limit: WeightLimit) -> Refusal:
        now, banned = self._now(), BANNED[self._exchange]
        if now >= self._banned_until:
            self._overruns += 1
            if self._exchange is Exchange.BINANCE and self._overruns <= PATIENCE:
                window = WINDOW_S[self._exchange]
                return Refusal(TOO_MUCH, window - now % window)
            span = round(limit.fault.ban * MS) or BAN_S[self._exchange]
            self._banned_until = now + span
        told = self._banned_until - now if self._exchange is Exchange.BINANCE else None
        return Refusal(banned, told)

    def _now(self) -> int:
        return self._clock.now() // NS_PER_S
