"""Cases measured in turns: every case once a round, so that all of them meet the same noise.

CPU is that of this process, all threads; a server's own is told where the server tells it.
"""

from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Final, NamedTuple

from msgspec import Struct

from cloud_marketdata.bench.meter import cpu_us
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import NS_PER_S

ServerCpu = Callable[[], Awaitable[int]]
"""Tells what a server has used of CPU, in µs."""
_US: Final = 1_000_000


class Name(NamedTuple):
    """What is measured, and in which unit."""

    tier: str
    engine: str
    what: str
    unit: str


class Case(NamedTuple):
    """Work that returns how many units it did; `bare` names the case without our store."""

    name: Name
    work: Callable[[], Awaitable[int]]
    server: ServerCpu | None = None
    bare: str = ""


class Rate(Struct, frozen=True):
    """Medians of the rounds, in units a second of wall time, of our CPU and of the server's.

    of_bare: our rate per CPU second by that of the bare driver, median of the rounds' ratios.
    """

    tier: str
    engine: str
    what: str
    unit: str
    per_s: float
    per_cpu_s: float
    per_server_cpu_s: float | None
    of_bare: float | None
    bare: str


class _Sample(NamedTuple):
    per_s: float
    per_cpu_s: float
    per_server_cpu_s: float | None


async def measure(cases: Sequence[Case], rounds: int, clock: Clock) -> list[Rate]:
    """Run every case once a round."""
    samples: dict[Name, list[_Sample]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            samples[case.name].append(await _sample(case, clock))
    return [_rate(case, samples) for case in cases]


async def _sample(case: Case, clock: Clock) -> _Sample:
    server = await case.server() if case.server else 0
    wall, cpu = clock.monotonic(), cpu_us()
    units = await case.work()
    wall_s, spent = clock.monotonic() - wall, cpu_us() - cpu
    served = await case.server() - server if case.server else 0
    return _Sample(
        units / max(wall_s, 1 / NS_PER_S),
        units * _US / max(spent, 1),
        units * _US / served if served else None,
    )


def _rate(case: Case, samples: dict[Name, list[_Sample]]) -> Rate:
    mine = samples[case.name]
    bare = samples.get(case.name._replace(what=case.bare), [])
    served = [one.per_server_cpu_s for one in mine if one.per_server_cpu_s]
    pairs = zip(mine, bare, strict=False)
    ratios = [ours.per_cpu_s / theirs.per_cpu_s for ours, theirs in pairs]
    return Rate(
        **case.name._asdict(),
        per_s=_short(median(one.per_s for one in mine)),
        per_cpu_s=_short(median(one.per_cpu_s for one in mine)),
        per_server_cpu_s=_short(median(served)) if served else None,
        of_bare=round(median(ratios), 4) if ratios else None,
        bare=case.bare,
    )


def _short(rate: float) -> float:
    return round(rate, 1 if rate < 1000 else None)  # noqa: PLR2004  four digits are enough
