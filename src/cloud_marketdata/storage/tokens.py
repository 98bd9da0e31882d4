"""Fencing tokens: what the next holder of a lease gets.

They are times, so that they go on growing where a store has lost its leases but the fences that
were set with them are still there.
"""

_NS_PER_US = 1000


def next_token(now: int, last: int) -> int:
    """Return the token of a new holding that begins at `now` (ns), above the `last` one."""
    return max(now // _NS_PER_US, last + 1)
