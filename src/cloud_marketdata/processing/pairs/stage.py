"""A pair of markets, from log entries in their order of arrival to minutes and signals. Pure.

Its time is ours: both markets are heard by one clock, and what either says is moved there by its
own offset. Every 100 ms it looks at both mids; every minute it tells a reading. Whatever it returns
depends on the entries and their order alone, and all of it can be stored and taken up again.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct, field

from cloud_marketdata.domain.flow import FlowMinute, Reading
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.signal import Signal
from cloud_marketdata.domain.values import NS_PER_MS, Timeframe
from cloud_marketdata.processing.pairs.basis import LOOK_MS, Basis
from cloud_marketdata.processing.pairs.correlogram import Correlogram
from cloud_marketdata.processing.pairs.divergence import Divergence, Look
from cloud_marketdata.processing.pairs.following import Place, Told
from cloud_marketdata.processing.pairs.leg import Kept, Leg
from cloud_marketdata.processing.pairs.likes import KINDS, Pair
from cloud_marketdata.processing.pairs.telling import DETECTOR, divergence_signal, lead, told_of

VERSION: Final = 1
_LOOK_NS: Final = LOOK_MS * NS_PER_MS
_STREAMS: Final = len(KINDS)


class Checkpoint(Struct):
    """Everything a pair is, and how far the log has been told to it."""

    version: int = VERSION
    places: list[Place] = field(default_factory=lambda: [Place() for _ in range(2 * _STREAMS)])
    legs: tuple[Kept, Kept] = field(default_factory=lambda: (Kept(), Kept()))
    basis: Basis = field(default_factory=Basis)
    divergence: Divergence = field(default_factory=Divergence)
    tape: Correlogram = field(default_factory=Correlogram)
    mids: Correlogram = field(default_factory=Correlogram)
    minute: int = 0
    looked: int = 0


class Output(Struct):
    """What has been told since it was last taken."""

    minutes: list[FlowMinute] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)


class PairStage:
    """Two legs and what is made of both."""

    def __init__(self, pair: Pair, checkpoint: bytes | None = None) -> None:
        self.pair = pair
        self._state = _decoded(checkpoint)
        self.places = self._state.places
        self._legs = tuple(Leg(kept) for kept in self._state.legs)
        self.out = Output()

    def take(self, told: Told) -> None:
        """Take the next entry."""
        self._until(told.time)
        self._legs[told.stream // _STREAMS].take(told.events)

    def checkpoint(self, places: Sequence[Place]) -> bytes:
        """Return everything, with how far the log has been told."""
        state = self._state
        state.places = list(places)
        state.legs = (self._legs[0].kept(), self._legs[1].kept())
        data = msgspec.msgpack.encode(state)
        for leg in self._legs:
            leg.stored()
        return data

    def taken(self) -> Output:
        """Return what was told since the last call."""
        out, self.out = self.out, Output()
        return out

    @property
    def warming(self) -> tuple[str, ...]:
        """The names of what says nothing yet for want of a baseline."""
        names = [DETECTOR] if self._state.divergence.warming else []
        known = self._state.tape.full or self._state.mids.full
        return tuple(names) if known else (*names, "lead_lag")

    def _until(self, now: int) -> None:
        """Let time go on to `now`: looks and minutes in between are told."""
        state = self._state
        if not state.minute:
            state.minute, state.looked = Timeframe.M1.floor(now), now // _LOOK_NS
        while state.looked < now // _LOOK_NS:
            state.looked += 1
            time = state.looked * _LOOK_NS
            if time >= state.minute + Timeframe.M1.ns:
                self._minute_over()
                state.minute = Timeframe.M1.floor(time)
            self._look(time)
            if not any(leg.fresh(time) for leg in self._legs):
                self._idle(now)

    def _idle(self, now: int) -> None:
        """Leave out looks before `now` at which nothing can be seen; after an hour minutes too."""
        state = self._state
        if now - state.minute > Timeframe.H1.ns:
            self._minute_over()
            state.minute, state.looked = Timeframe.M1.floor(now), now // _LOOK_NS
            return
        last = min(now, state.minute + Timeframe.M1.ns - 1) // _LOOK_NS
        state.looked = max(state.looked, last)

    def _look(self, time: int) -> None:
        first, second = (leg.state for leg in self._legs)
        divergence = self._state.divergence
        both = all(leg.fresh(time) for leg in self._legs)
        if not both or first.mids.level is None or second.mids.level is None:
            divergence.blind()
            return
        look = Look(time, first.mids.level, second.mids.level, _floor(first, second))
        self._state.basis.add(look.x)
        for found in divergence.look(look):
            instrument = self._instrument()
            assert instrument is not None, "two mids were compared"
            signal = divergence_signal(self.pair, instrument, found, (first, second))
            self.out.signals.append(signal)

    def _minute_over(self) -> None:
        state = self._state
        first, second = (leg.state for leg in self._legs)
        state.tape.add(first.tape, second.tape)
        state.mids.add(first.mids, second.mids)
        instrument = self._instrument()
        if instrument is not None:
            looks = state.basis.looks
            minute = FlowMinute(
                instrument, state.minute, self._readings(instrument), looks * LOOK_MS, self.warming
            )
            self.out.minutes.append(minute)
        state.basis = Basis()
        for leg in self._legs:
            leg.turn()
            for path in (leg.state.tape, leg.state.mids):
                path.turn()

    def _readings(self, instrument: Instrument) -> dict[str, Reading]:
        first, second = (leg.state for leg in self._legs)
        tape, mids = self._state.tape.estimate(), self._state.mids.estimate()
        # A book that is sent ten times a second cannot say who leads by less than that.
        fine = all(leg.fine for leg in self._legs)
        return {
            "basis": self._state.basis.reading(),
            **told_of(self.pair, instrument, (first, second)),
            "lead_lag": lead(tape, mids, (first, second), fine=fine),
        }

    def _instrument(self) -> Instrument | None:
        """Return the first venue's instrument on a grid that holds both; None before any event."""
        grids = [
            grid
            for leg in self._legs
            for grid in (leg.state.instrument, leg.state.traded)
            if grid is not None
        ]
        if not grids:
            return None
        scale = grids[0].scale
        for grid in grids[1:]:
            scale = scale.meet(grid.scale)
        return Instrument(self.pair.first, self.pair.symbol, scale)


def _floor(first: Kept, second: Kept) -> float:
    """Return half a tick of the coarser of the two, as a share of the price."""
    shares = [0.5 / kept.quote.bid for kept in (first, second) if kept.quote is not None]
    return max(shares)


def _decoded(checkpoint: bytes | None) -> Checkpoint:
    """Take up what was stored; what another version made, or cannot be read, begins anew."""
    if checkpoint is None:
        return Checkpoint()
    try:
        state = msgspec.msgpack.decode(checkpoint, type=Checkpoint)
    except msgspec.MsgspecError:
        return Checkpoint()
    return state if state.version == VERSION else Checkpoint()
