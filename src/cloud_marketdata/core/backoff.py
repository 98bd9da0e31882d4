"""Delays between attempts: exponential, capped, with full jitter."""

from collections.abc import Iterator
from random import Random


def backoff(random: Random, *, first_s: float = 0.5, cap_s: float = 30.0) -> Iterator[float]:
    """Yield delays in seconds, each uniform between 0 and a bound that doubles up to `cap_s`.

    Full jitter spreads many reconnecting clients evenly, so a venue that comes back is not hit by
    all of them at once. A caller that was stable for a while starts a new generator.
    """
    bound = first_s
    while True:
        yield random.uniform(0.0, bound)
        bound = min(cap_s, bound * 2)
