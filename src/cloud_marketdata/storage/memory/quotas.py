"""Quotas of one process, by the clock that never steps.

The number of names is bounded: what is full again is forgotten by and by, and where there are more
names than that, so is the one from which nobody has taken for the longest time. It begins anew with
a whole quota, so each of these is counted, and the log tells of it at most once a minute.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.gcra import fits, paid, told, unit_of
from cloud_marketdata.storage.security_ports import Rate, Taken

MOST_NAMES: Final = 65_536
_LOOKED_AT: Final = 2
"""How many of the oldest names each call looks at: more than the one that it may add."""
_TOLD_EVERY_NS: Final = 60 * NS_PER_S


class _Debt(NamedTuple):
    parts: int
    at: int
    rate: Rate


class MemoryQuotas:
    """Quotas in memory; `forgotten` counts names that made room before they were full again."""

    def __init__(self, clock: Clock, most_names: int = MOST_NAMES) -> None:
        self.forgotten = 0
        self._clock = clock
        self._most_names = most_names
        self._told_at = -_TOLD_EVERY_NS
        self._debts: OrderedDict[tuple[str, int], _Debt] = OrderedDict()

    def __len__(self) -> int:
        """How many names are held."""
        return len(self._debts)

    async def take(self, name: str, rate: Rate, cost: int = 1) -> Taken:
        """Take `cost` units of the quota `name`, or none where fewer are left."""
        now = round(self._clock.monotonic() * NS_PER_S)
        self._forget_full(now)
        key = name, rate.seconds
        kept = self._debts.get(key)
        owed = 0 if kept is None else paid(kept.parts, now - kept.at, rate)
        sum_ = owed + cost * unit_of(rate, NS_PER_S)
        ok = fits(sum_, rate, NS_PER_S)
        if ok and cost:
            self._keep(key, _Debt(sum_, now, rate))
        return told(sum_ if ok else owed, rate, cost, NS_PER_S, ok=ok)

    def _keep(self, key: tuple[str, int], debt: _Debt) -> None:
        if key not in self._debts and len(self._debts) >= self._most_names:
            self._debts.popitem(last=False)
            self._count_forgotten(debt.at)
        self._debts[key] = debt
        self._debts.move_to_end(key)

    def _count_forgotten(self, now: int) -> None:
        self.forgotten += 1
        if now - self._told_at >= _TOLD_EVERY_NS:
            self._told_at = now
            names, forgotten = self._most_names, self.forgotten
            structlog.get_logger().warning("quotas.full", names=names, forgotten=forgotten)

    def _forget_full(self, now: int) -> None:
        for _ in range(min(_LOOKED_AT, len(self._debts))):
            key = next(iter(self._debts))
            debt = self._debts[key]
            if paid(debt.parts, now - debt.at, debt.rate):
                return
            del self._debts[key]
