"""How far the parts of a market may be forgotten: decided from what was read of it. Pure.

Pieces go in the order of time, so one horizon tells what is gone, and a piece that may not go keeps
all that come behind it. One without parts moves nothing, because the trades of a downtime may still
come; nor does one that a hole of the ledger touches, as long as trades are waited for. Only a day
that nobody waits for any more takes its empty hours along: it must end before it can be archived.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Self

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.coverage import CoverageState
from cloud_marketdata.domain.sheet import Layer, Row
from cloud_marketdata.domain.values import NS_PER_S, Timeframe
from cloud_marketdata.storage.tiering.pieces import (
    DAYS,
    HOURS,
    MINUTES,
    SECONDS,
    Piece,
    Step,
    Stop,
    objection,
)

WAITED_NS: Final = 72 * 3_600 * NS_PER_S
"""How long trades are waited for: venues serve about two days of them, and a day is for mishaps."""

Hole = tuple[int, int]
"""Match times, half-open, between which trades are proven missing."""


class Retention(NamedTuple):
    """How long aggregates are kept after their end, in ns."""

    seconds: int
    minutes: int
    hours: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        return cls(
            settings.hot_minutes * Timeframe.M1.ns,
            settings.minutes_kept_hours * Timeframe.H1.ns,
            settings.hours_kept_days * Timeframe.D1.ns,
        )


class Market(NamedTuple):
    """What is known of a market before its pieces are read.

    as_of: now, or the time when the oldest entry came that is not inside an aggregate yet.
    oldest: the start of the oldest bucket of each timeframe that has any. newest_day: the start of
    the newest stored day. holes: those of the ledger that are open.
    """

    as_of: int
    horizons: dict[Timeframe, int]
    oldest: dict[Timeframe, int]
    newest_day: int | None
    holes: Sequence[Hole] = ()


class Walk:
    """Takes the pieces of one step in the order of time, until one may not go.

    `starts` are those old enough to be looked at, at most as many as one call may take; `stop` says
    what ended the walk early.
    """

    def __init__(self, step: Step, market: Market, kept: Retention) -> None:
        self.step = step
        self.starts = _due(step, market, kept)
        self.stop: Stop | None = None
        self._market = market
        self._kept = kept
        self._horizon = self._before = self._reached = market.horizons[step.part]

    def hopes(self, start: int) -> bool:
        """Whether trades may still come for a piece, which ends the walk without reading it."""
        end = start + self.step.whole.ns
        if self.step is MINUTES and any(h[0] < end and h[1] > start for h in self._hoped()):
            self.stop = Stop(start, "trades may still come", wrong=False)
        return self.stop is not None

    def take(self, piece: Piece) -> bool:
        """Look at the next piece; return whether the walk goes on."""
        self.stop = objection(self.step, piece)
        if self.stop is None:
            self._reached = piece.start + self.step.whole.ns
            self._before = self._reached if piece.parts else self._before
        return self.stop is None

    @property
    def before(self) -> int:
        """Parts that end at or before it may go."""
        closed = self._given_up() if self.step is MINUTES and self.stop is None else 0
        # Nothing is left before it: what there was has been looked at, or there was nothing.
        oldest = self._market.oldest.get(self.step.part, closed)
        return max(self._before, closed) if max(self._reached, oldest) >= closed else self._before

    @property
    def more(self) -> bool:
        """Whether another walk would go on from here at once."""
        whole_way = self.stop is None and len(self.starts) == self.step.most
        return whole_way and self._before > self._horizon

    def _given_up(self) -> int:
        """Return the end of the newest stored day that nobody waits for any more, or 0."""
        if self._market.newest_day is None:
            return 0
        waited = waited_until(self._market.as_of, self._kept)
        hoped = [Timeframe.D1.floor(hole[0]) for hole in self._hoped()]
        return min([waited, self._market.newest_day + Timeframe.D1.ns, *hoped])

    def _hoped(self) -> list[Hole]:
        """Return the holes that trades are still waited for in; they shrink while these come."""
        return [hole for hole in self._market.holes if hole[1] + WAITED_NS > self._market.as_of]


def waited_until(now: int, kept: Retention) -> int:
    """Return the midnight before which no more trades are waited for."""
    return max(0, Timeframe.D1.floor(now - max(WAITED_NS, kept.minutes)))


def open_holes(rows: Iterable[Row]) -> list[Hole]:
    """Return the times in which trades are proven missing and may still come."""
    return [
        (row.start, row.end)
        for row in rows
        if row.open and row.layer is Layer.TAPE and row.state is CoverageState.MISSING
    ]


def _due(step: Step, market: Market, kept: Retention) -> range:
    """Return the starts of pieces that are old enough, from the oldest part that is stored."""
    oldest = market.oldest.get(step.part)
    if oldest is None:
        return range(0)
    first = max(step.whole.floor(oldest), market.horizons[step.part])
    until = min(_old(step, market, kept), first + step.most * step.whole.ns)
    return range(first, until, step.whole.ns)


def _old(step: Step, market: Market, kept: Retention) -> int:
    """Return the end of what is old enough, and whose own parts have all gone before."""
    age = {SECONDS: kept.seconds, MINUTES: kept.minutes}.get(step, kept.hours)
    until = market.as_of - age
    if step is MINUTES:
        until = min(until, market.oldest.get(Timeframe.S1, until))
    elif step is HOURS:
        until = min(until, market.horizons[Timeframe.M1])
    elif step is DAYS:
        until = min(until, market.horizons[Timeframe.H1])
    return step.whole.floor(until)
