"""One case: sets the fault, waits for its strike, and takes the time of every sign."""

from typing import NamedTuple

from fault_cases import Case
from fault_signs import Figure, Sign
from fault_stage import Stage, staged
from fault_stalls import Stalls

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


class NotSeenError(AssertionError):
    """A sign did not come in its time."""


class Measured(NamedTuple):
    """Seconds from the strike to its detection and to its end."""

    detected_s: float
    recovered_s: float


async def tried(case: Case, venue: Venue, clock: Clock, stalls: Stalls) -> Measured:
    """Try the service with a case.

    Raises NotSeenError where a sign did not come in time, and AssertionError where one was wrong.
    """
    async with staged(
        venue,
        clock,
        symbols=case.symbols,
        faults=(case.fault,) if case.from_start else (),
        settings=dict(case.settings),
    ) as stage:
        if not case.from_start:
            await _until(stage, Steady(), _READY_S, stalls)
            await stage.mark()
            await stage.fault(case.fault)
        if not case.prevented:
            await _until(stage, Struck(), _STRIKE_S, stalls)
        began = clock.monotonic()
        await _until(stage, case.detection, case.patience.seconds + LAW_S, stalls)
        detected = clock.monotonic() - began
        for sign in (*case.state, *case.recovery):
            await _until(stage, sign, _RECOVERY_S, stalls)
        recovered = clock.monotonic() - began
        await _counted(stage, case, stalls)
        if case.prevented:
            assert not await stage.struck(), "it was to be prevented"
    return Measured(detected, recovered)


async def _counted(stage: Stage, case: Case, stalls: Stalls) -> None:
    """Look at the ledger and the metrics; what counted right must not have counted on."""
    signs = (*case.ledger, *case.metric)
    for sign in signs:
        await _until(stage, sign, _RECOVERY_S, stalls)
    # A figure counts nothing: the delay of the newest message is another one at every look.
    lasting = [sign for sign in signs if not isinstance(sign, Figure)]
    wrong = [sign.words for sign in lasting if not await sign.seen(stage)]
    assert not wrong, f"seen, and then no more: {wrong}"


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


async def _until(stage: Stage, sign: Sign, seconds: float, stalls: Stalls) -> None:
    """Look until a sign is seen; time in which the machine ran nobody is not counted."""
    began, before = stage.clock.monotonic(), stalls.total_s
    while not await sign.seen(stage):
        if stage.clock.monotonic() - began > seconds + stalls.total_s - before:
            msg = f"not seen within {seconds} s: {sign.words}\n{await seen_instead(stage)}"
            raise NotSeenError(msg)
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
