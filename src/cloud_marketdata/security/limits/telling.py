"""Limits as headers: `RateLimit-Policy`, `RateLimit` and `Retry-After`.

By draft-ietf-httpapi-ratelimit-headers-11: structured fields, each a list of strings with integer
parameters. Its effective window `t` suits a window that ends; here units come back all the time. So
`t` is how long what is left lasts at the limit's own pace, and no client reads a higher pace out of
it than the limit has. A refusal tells of the refusing limit alone, for as long as `Retry-After`
says, which the draft wants to be no shorter.
"""

import math
from collections.abc import Sequence

from cloud_marketdata.security.limits.counted import Counted


def policies(counted: Sequence[Counted]) -> str:
    """Return the value of RateLimit-Policy; empty where nothing was counted."""
    return ", ".join(f'"{one.name}";q={one.rate.quota};w={one.rate.seconds}' for one in counted)


def limits_left(counted: Sequence[Counted]) -> str:
    """Return the value of RateLimit; empty where nothing was counted."""
    told = [one for one in counted if not one.taken.ok] or counted
    return ", ".join(f'"{one.name}";r={one.taken.left};t={_window(one)}' for one in told)


def retry_after(seconds: float) -> str:
    """Return the value of Retry-After: whole seconds, never fewer than what is true."""
    return str(max(1, math.ceil(seconds)))


def _window(counted: Counted) -> str:
    """Return the seconds in which no more than what is left should be used."""
    rate, taken = counted.rate, counted.taken
    if not taken.ok:
        return retry_after(taken.after_s)
    unit_s = rate.seconds / rate.quota
    next_unit_s = taken.full_s - (rate.quota - taken.left - 1) * unit_s
    return retry_after(max(taken.left * unit_s, next_unit_s))
