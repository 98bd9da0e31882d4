"""The arithmetic of quotas, exact in integers: GCRA in its form of a leaky bucket.

What was taken is a debt, which is paid back evenly. It is counted in parts: a unit is worth as many
parts as the rate's seconds have ticks, so that each tick pays back `quota` parts and nothing is
ever rounded. A tick is what a store's clock counts: a nanosecond here, a microsecond in Redis.
"""

import math

from cloud_marketdata.storage.security_ports import Rate, Taken


def unit_of(rate: Rate, per_s: int) -> int:
    """Return the parts of one unit, where a second has `per_s` ticks."""
    return rate.seconds * per_s


def paid(parts: int, ticks: int, rate: Rate) -> int:
    """Return what is left of a debt after so many ticks; time that goes back pays nothing."""
    return max(0, parts - max(0, ticks) * rate.quota)


def fits(parts: int, rate: Rate, per_s: int) -> bool:
    """Whether a debt is within the quota."""
    return parts <= rate.quota * unit_of(rate, per_s)


def ticks_until_full(parts: int, rate: Rate) -> int:
    """Return after how many ticks nothing is owed any more."""
    return -(-parts // rate.quota)


def told(parts: int, rate: Rate, cost: int, per_s: int, *, ok: bool) -> Taken:
    """Return what an attempt has come to; `parts` are owed after it.

    A cost above the quota itself would never pass: its `after_s` is infinite.
    """
    unit = unit_of(rate, per_s)
    free = rate.quota * unit - parts
    if ok:
        after_s = 0.0
    elif cost > rate.quota:
        after_s = math.inf
    else:
        after_s = ticks_until_full(cost * unit - free, rate) / per_s
    return Taken(ok, max(0, free // unit), after_s, ticks_until_full(parts, rate) / per_s)
