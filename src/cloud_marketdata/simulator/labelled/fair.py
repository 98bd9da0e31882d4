"""The price that the news makes: a seeded walk that several venues can follow, each with its delay.

It jumps at random moments, so that a follower's delay is to be seen to the millisecond.
"""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from cloud_marketdata.domain.values import NS_PER_MS

MEAN_WAIT_MS: Final = 250
WIDEST: Final = 4  # strides a jump
PULL: Final = 2_000_000  # the further away, the likelier a jump back: at so many strides, surely


class Jump(NamedTuple):
    """At `time` ns the price becomes `level`, in strides away from where it began."""

    time: int
    level: int


def walk(seed: int, start: int) -> Iterator[Jump]:
    """Yield jumps without end; the same seed and start give the same ones."""
    random = Random(f"{seed}/fair")  # noqa: S311 - a seeded market must repeat
    time, level = start, 0
    while True:
        time += max(1, round(random.expovariate(1 / MEAN_WAIT_MS))) * NS_PER_MS
        back = -1 if level > 0 else 1
        by = random.randint(1, WIDEST)
        level += by * (back if random.randrange(PULL) < abs(level) else random.choice((-1, 1)))
        yield Jump(time, level)
