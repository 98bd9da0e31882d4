"""Runs cases side by side, because most of their time is waiting, and judges them.

Side by side they also wait for each other, and on a machine that has little to give each of them is
late. So a case that was only late is tried again alone, and that trial counts. Whatever was wrong
counts at once; and where many are late it is the service that is, and they stay so.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import httpx2
from fault_cases import Case
from fault_stalls import Stalls
from fault_trial import NotSeenError, tried

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import Venue

Pair = tuple[Case, Venue]
_AT_ONCE = 8
_ALONE_AT_MOST = 24


class Outcome(NamedTuple):
    """Seconds from the strike to its detection and to its end, or what was not seen.

    late: it failed, and by time alone. beside: how it failed beside others, where it was late
    there and is judged by a trial alone.
    """

    detected_s: float = 0.0
    recovered_s: float = 0.0
    failure: str = ""
    late: bool = False
    beside: str = ""


Outcomes = Mapping[tuple[str, Venue], Outcome]


async def run_all(pairs: Sequence[Pair], clock: Clock) -> Outcomes:
    """Run cases, some at once, and then those that were late, each alone."""
    stalls = Stalls(clock)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(stalls.watch())
        found = await _beside_each_other(pairs, clock, stalls)
        late = [(case, venue) for case, venue in pairs if found[case.fault, venue].late]
        for case, venue in late if len(late) <= _ALONE_AT_MOST else ():
            alone = await _run(case, venue, clock, stalls)
            beside = found[case.fault, venue].failure
            found[case.fault, venue] = alone._replace(beside=beside)
        watching.cancel()
    return found


async def _beside_each_other(
    pairs: Sequence[Pair], clock: Clock, stalls: Stalls
) -> dict[tuple[str, Venue], Outcome]:
    places = asyncio.Semaphore(_AT_ONCE)
    found: dict[tuple[str, Venue], Outcome] = {}

    async def run(case: Case, venue: Venue) -> None:
        async with places:
            found[case.fault, venue] = await _run(case, venue, clock, stalls)

    async with asyncio.TaskGroup() as cases:
        for case, venue in pairs:
            cases.create_task(run(case, venue))
    return found


async def _run(case: Case, venue: Venue, clock: Clock, stalls: Stalls) -> Outcome:
    try:
        return Outcome(*await tried(case, venue, clock, stalls))
    except Exception as error:  # noqa: BLE001  a case that fails is told with the others
        return failed(error)


def failed(error: Exception) -> Outcome:
    """Return the outcome of a case that ended so; late, where all that happened is of time."""
    causes = _causes(error)
    late = all(isinstance(one, NotSeenError | httpx2.TimeoutException) for one in causes)
    return Outcome(failure="; ".join(f"{type(e).__name__}: {e}" for e in causes), late=late)


def _causes(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [cause for inner in error.exceptions for cause in _causes(inner)]
    return [error]
