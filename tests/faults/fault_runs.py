"""Runs cases: sets the fault, waits for its strike, and takes the time of every sign."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from fault_cases import Case
from fault_signs import Sign
from fault_stage import TURN_S, Stage, staged

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.coverage import Covered, Interval
from cloud_marketdata.domain.events import StatusKind, TradeEvent
from cloud_marketdata.domain.values import NS_PER_S, Venue
from cloud_marketdata.storage.ports import BookState, StreamKind

LAW_S = 1.0
_STEADY_TRADES = 10
_READY_S = 15.0
_STRIKE_S = 10.0
_RECOVERY_S = 12.0
_AT_ONCE = 8


class Outcome(NamedTuple):
    """Seconds from the strike to its detection and to its end, or what was not seen."""

    detected_s: float = 0.0
    recovered_s: float = 0.0
    failure: str = ""


class Stalls:
    """How long the event loop was kept from running: the machine is shared, the law is not."""

    def __init__(self, clock: Clock) -> None:
        self.total_s = 0.0
        self._clock = clock

    async def watch(self) -> None:
        """Count what every short sleep was too long, until cancelled."""
        while True:
            began = self._clock.monotonic()
            await self._clock.sleep(TURN_S)
            late = self._clock.monotonic() - began - TURN_S
            self.total_s += late if late > TURN_S else 0.0


async def run_all(
    pairs: Sequence[tuple[Case, Venue]], clock: Clock
) -> dict[tuple[str, Venue], Outcome]:
    """Run cases, some at once."""
    stalls = Stalls(clock)
    places = asyncio.Semaphore(_AT_ONCE)
    found: dict[tuple[str, Venue], Outcome] = {}

    async def run(case: Case, venue: Venue) -> None:
        async with places:
            try:
                found[case.fault, venue] = await _run(case, venue, clock, stalls)
            except Exception as error:  # noqa: BLE001  a case that fails is told with the others
                found[case.fault, venue] = Outcome(failure=_told(error))

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(stalls.watch())
        async with asyncio.TaskGroup() as cases:
            for case, venue in pairs:
                cases.create_task(run(case, venue))
        watching.cancel()
    return found


async def _run(case: Case, venue: Venue, clock: Clock, stalls: Stalls) -> Outcome:
    async with staged(
        venue,
        clock,
        symbols=case.symbols,
        faults=(case.fault,) if case.from_start else (),
        settings=dict(case.settings),
    ) as stage:
        if not case.from_start:
            await _until(stage, Steady(), _READY_S)
            await stage.mark()
            await stage.fault(case.fault)
        if not case.prevented:
            await _until(stage, Struck(), _STRIKE_S)
        began = clock.monotonic()
        await _until(stage, case.detection, case.patience.seconds + LAW_S, stalls)
        detected = clock.monotonic() - began
        for sign in (*case.state, *case.recovery):
            await _until(stage, sign, _RECOVERY_S)
        recovered = clock.monotonic() - began
        for sign in (*case.ledger, *case.metric):
            await _until(stage, sign, _RECOVERY_S)
        # What counted right must not have counted on.
        wrong = [s.words for s in (*case.ledger, *case.metric) if not await s.seen(stage)]
        assert not wrong, f"seen, and then no more: {wrong}"
        if case.prevented:
            assert not await stage.struck(), "it was to be prevented"
    return Outcome(detected, recovered)


class Struck:
    """The fault has struck."""

    words = "the strike"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        return await stage.struck() > 0


class Steady:
    """Trades come and every book is in sync, so that a fault meets a service at work."""

    words = "steady streams"

    async def seen(self, stage: Stage) -> bool:
        """See Sign."""
        for symbol in stage.symbols:
            trades = await stage.events(symbol, StreamKind.TRADES)
            view = await stage.stores.books.find(stage.venue, symbol)
            if len(trades) < _STEADY_TRADES or view is None or view.state is not BookState.SYNCED:
                return False
        return all(isinstance(trade, TradeEvent) for trade in trades)


async def _until(stage: Stage, sign: Sign, seconds: float, stalls: Stalls | None = None) -> None:
    """Look until a sign is seen; time in which the machine ran nobody is not counted."""
    began, before = stage.clock.monotonic(), stalls.total_s if stalls else 0.0
    while not await sign.seen(stage):
        stalled = stalls.total_s - before if stalls else 0.0
        if stage.clock.monotonic() - began > seconds + stalled:
            msg = f"not seen within {seconds} s: {sign.words}\n{await seen_instead(stage)}"
            raise AssertionError(msg)
        await stage.turn()


async def seen_instead(stage: Stage) -> str:
    """Say how things stand, for whoever reads that something was not seen."""
    symbol = stage.symbols[0]
    told = [
        (fact.kind.value, fact.detail)
        for fact in await stage.facts(symbol)
        if fact.kind is not StatusKind.ALIVE
    ]
    ledger = {c.value: [_interval(i) for i in await stage.intervals(symbol, c)] for c in Covered}
    return f"facts {told}\nledger {ledger}\n{await stage.detail()}"


def _interval(one: Interval) -> str:
    seconds = (one.end - one.start) / NS_PER_S
    return f"{one.state.value} {seconds:.3f} s {one.trades or ''}"


def _told(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
