"""Back-fill: gaps in tapes are asked for by REST, one at a time, beside the streams.

It never blocks them: they only hand gaps over. What was filled reaches the log behind the trades
that came before it, together with the fact that says so. A gap that stays open is told once with
its reason, and tried again for as long as the venue may answer. What has no place to wait is
refused, told and counted.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Final

import structlog

from cloud_marketdata.collectors.base import BaseCollector
from cloud_marketdata.collectors.lanes.desk import Desk, Desks
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.client import Rest
from cloud_marketdata.collectors.sink import Sink
from cloud_marketdata.collectors.tapes.gaps import Outcome, TradeGap
from cloud_marketdata.collectors.tapes.history import History, UnansweredError
from cloud_marketdata.collectors.tapes.pending import SOON, Pending, PendingGap
from cloud_marketdata.collectors.tapes.repairs import Page, by_ids, by_overlap
from cloud_marketdata.collectors.tapes.tape import ContiguousTape
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import VenueBusyError, VenueError
from cloud_marketdata.domain.events import StatusEvent, StatusKind, TradeEvent
from cloud_marketdata.storage.ports import Batch, Stream, StreamKind

_FIRST_S: Final = 0.5
_SETTLE_S: Final = 1.0
"""For so long a proven hole is left alone: a late message or a twin may close it, the venue's own
history may lag behind its stream, and one answer fills all that was lost meanwhile."""


class Backfill:
    """Fills the gaps of one venue.

    collector: one of its own, whose rulers are those of the streams.
    filled counts trades; repaired and unrepaired count what was told of gaps.
    """

    def __init__(
        self,
        collector: BaseCollector,
        rest: Rest,
        desks: Desks,
        sink: Sink,
        *,
        rejections: Rejections,
        clock: Clock,
        random: Random,
    ) -> None:
        self.filled = self.repaired = self.unrepaired = 0
        self.last_error = ""
        self._history = History(collector, rest, rejections, clock)
        self._desks = desks
        self._sink = sink
        self._clock = clock
        self._random = random
        self._pending = Pending()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._held: list[TradeEvent] = []
        self._serving = ""
        self._log = structlog.get_logger().bind(venue=str(collector.venue))

    def request(self, symbol: str, gap: TradeGap) -> None:
        """Have a gap filled; never waits."""
        # Without contiguous ids nothing but the venue's short memory can fill it, so at once.
        settles_s = 0.0 if gap.missing is None else _SETTLE_S
        due = self._clock.monotonic() + settles_s
        item = PendingGap(symbol, gap, backoff(self._random, first_s=_FIRST_S), due)
        if self._pending.add(item):
            self._arrived.set()
        else:
            fact = self._unrepaired(item, "too many gaps wait to be filled")
            self._submit(symbol, (), (fact,))

    def forget(self, symbol: str) -> None:
        """Fill no gaps of a symbol that goes; what was filled is handed on before its desk goes.

        Whoever collects it again must find in the log what the old tape has taken, and its gaps
        are new ones.
        """
        self._pending.forget(symbol)
        if self._serving == symbol:
            self._hand_on(symbol)

    async def run(self) -> None:
        """Fill gaps until cancelled."""
        while True:
            item = self._pending.ready(self._clock.monotonic())
            if item is None:
                await self._idle()
            else:
                await self._serve(item)

    @property
    def waiting(self) -> int:
        """How many gaps are not filled yet."""
        return len(self._pending)

    def detail(self) -> dict[str, object]:
        """Describe it for `/health`."""
        return {
            "waiting": self.waiting,
            "refused": self._pending.refused,
            "filled": self.filled,
            "repaired": self.repaired,
            "unrepaired": self.unrepaired,
            "forgotten": sum(desk.tape.forgotten for desk in self._desks.values()),
            "last_error": self.last_error,
        }

    async def _idle(self) -> None:
        """Wait for a new gap, or for the time of one that waits."""
        self._arrived.clear()
        soonest = self._pending.soonest()
        if soonest is None:
            await self._arrived.wait()
            return
        async with asyncio.TaskGroup() as group:
            arrival = group.create_task(self._arrived.wait())
            distance = max(0.0, soonest - self._clock.monotonic())
            alarm = group.create_task(self._clock.sleep(distance))
            await asyncio.wait((arrival, alarm), return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()
            alarm.cancel()

    async def _serve(self, item: PendingGap) -> None:
        desk = self._desks.get(item.symbol)
        if desk is None:
            # The symbol is no longer collected.
            self._pending.remove(item)
            return
        try:
            self._serving = item.symbol
            outcome, wait_s = await self._attempt(item, desk)
            if item in self._pending:
                self._judge(item, outcome, wait_s)
        finally:
            # The tape counts them as ours, so they must reach the log whatever happens here.
            self._hand_on(item.symbol)

    async def _attempt(self, item: PendingGap, desk: Desk) -> tuple[Outcome, float]:
        """Try once; returns also how long the venue wants to be left alone, in seconds."""

        async def fetch(gap: TradeGap) -> Page:
            await self._room.wait()
            page = await self._history.page(item.symbol, gap)
            if self._desks.get(item.symbol) is not desk:
                msg = "the symbol was removed meanwhile"
                raise UnansweredError(msg)
            return page

        def keep(trades: list[TradeEvent]) -> None:
            self._hand_on(item.symbol)
            self._held = trades
            item.filled += len(trades)
            self.filled += len(trades)
            self._desks.counts["backfilled"] += len(trades)

        try:
            if isinstance(desk.tape, ContiguousTape):
                return await by_ids(fetch, desk.tape, item.gap, keep), 0.0
            return await by_overlap(fetch, desk.tape, item.gap, keep), 0.0
        except VenueError as error:
            final = isinstance(error, UnansweredError)
            wait_s = error.retry_after_s if isinstance(error, VenueBusyError) else 0.0
            return Outcome(repaired=False, reason=str(error), final=final), wait_s

    def _judge(self, item: PendingGap, outcome: Outcome, wait_s: float) -> None:
        if outcome.repaired or outcome.final:
            self._pending.remove(item)
        else:
            item.postpone(self._clock.monotonic(), wait_s)
        if outcome.repaired:
            self.repaired += 1
            fact = self._fact(item, StatusKind.TRADES_REPAIRED, outcome.reason)
            self._hand_on(item.symbol, fact)
            return
        self.last_error = f"{item.symbol}: {outcome.reason}"
        if not item.told and (outcome.final or item.failures >= SOON):
            self._hand_on(item.symbol, self._unrepaired(item, outcome.reason))

    def _unrepaired(self, item: PendingGap, reason: str) -> StatusEvent:
        item.told = True
        self.unrepaired += 1
        self._log.warning("backfill.unrepaired", symbol=item.symbol, reason=reason)
        return self._fact(item, StatusKind.TRADES_UNREPAIRED, reason)

    def _fact(self, item: PendingGap, kind: StatusKind, reason: str) -> StatusEvent:
        detail = {**item.gap.detail, "filled": self._filled(item)}
        if reason:
            detail["reason"] = reason
        return StatusEvent(self._history.venue, item.symbol, kind, self._clock.now(), detail)

    def _filled(self, item: PendingGap) -> int:
        """Count what of the gap is here by now: whoever brought it, where ids can tell."""
        desk = self._desks.get(item.symbol)
        if item.gap.missing is None or not desk or not isinstance(desk.tape, ContiguousTape):
            return item.filled
        return item.gap.missing - desk.tape.missing(item.gap)

    def _hand_on(self, symbol: str, *facts: StatusEvent) -> None:
        """Submit what is held of the gap being served, and facts about it, at once."""
        held, self._held = self._held, []
        self._submit(symbol, held, facts)

    def _submit(
        self, symbol: str, trades: Sequence[TradeEvent], facts: Sequence[StatusEvent]
    ) -> None:
        venue = self._history.venue
        kinds = ((StreamKind.TRADES, trades), (StreamKind.STATUS, facts))
        desk = self._desks.get(symbol)
        # An answer also fills holes that were found a moment ago, and whose neighbours wait there.
        batches = list(desk.take_trades()) if desk and trades else []
        batches += [Batch(Stream(venue, symbol, kind), events) for kind, events in kinds if events]
        if batches:
            self._sink.submit(batches, refined=self._history.take_refined())
            self._sink.when_full(self._room.clear, self._room.set)
