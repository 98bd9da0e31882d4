"""Lets go of what the next tier holds: a market's seconds, minutes, hours and days, in that order.

A worker calls it between two saves, so nothing is folded meanwhile, and under the worker's fence.
It talks to the hot and the warm tier alone: what the cold one holds has been read back before.
"""

import asyncio
from collections import Counter
from functools import partial

import structlog

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.tiering.archived import Archived
from cloud_marketdata.storage.tiering.pieces import DAYS, SECONDS, STEPS, Piece, Step, Stop
from cloud_marketdata.storage.tiering.plan import Retention, Walk, waited_until
from cloud_marketdata.storage.tiering.ports import Turn
from cloud_marketdata.storage.tiering.reading import heard, read_market, read_pieces

Place = tuple[Venue, str, Timeframe]


class Forgetting:
    """Moves the horizons of markets; `gone` counts what went, `stops` says what is wrong where."""

    def __init__(
        self, stores: Stores, settings: Settings, clock: Clock, archived: Archived
    ) -> None:
        self.gone: Counter[Timeframe] = Counter()
        self.stops: dict[Place, Stop] = {}
        self.refusals = 0
        self._stores = stores
        self._kept = Retention.of(settings)
        self._clock = clock
        self._archived = archived

    async def forget(self, venue: Venue, symbol: str, *, fence: int) -> Turn:
        """See ports.Forget."""
        ledger = await self._stores.coverage.find(venue, symbol, 0, 0)
        time = await heard(self._stores, venue, symbol, ledger, self._clock)
        read = partial(read_market, self._stores.aggregates, venue, symbol, time.as_of, ledger)
        market, more = await read(), False
        for step in STEPS:
            walk = Walk(step, market, self._kept)
            await self._walk(venue, symbol, walk)
            self._note((venue, symbol, step.part), walk.stop)
            if walk.before > market.horizons[step.part]:
                await self._let_go(venue, symbol, step, walk.before, fence)
                market = await read()
            more |= walk.more
        return Turn(more, waited_until(time.as_of, self._kept) if time.quiet else 0)

    async def pulse(self) -> Pulse:
        """See core.health.Component: what may not go although it is old, and why."""
        stuck = {
            f"{venue}/{symbol} {timeframe}": f"{stop.reason} ({stop.start})"
            for (venue, symbol, timeframe), stop in sorted(self.stops.items())
        }
        detail: dict[str, object] = {"forgotten": dict(self.gone), "refused": self.refusals}
        state = "refusing" if stuck else "ok"
        return Pulse("processing", "tiering", state, ok=not stuck, detail=detail | {"stuck": stuck})

    async def _walk(self, venue: Venue, symbol: str, walk: Walk) -> None:
        """Read some pieces after the others, and none beyond the first that may not go."""
        step, starts = walk.step, walk.starts
        for at in range(0, len(starts), step.together):
            some = starts[at : at + step.together]
            archived = self._archived.find(venue, symbol, some.start)
            if walk.hopes(some.start) or (step.whole is Timeframe.D1 and archived is None):
                return
            for piece in await read_pieces(self._stores.aggregates, venue, symbol, step, some):
                if not await _taken(walk, piece._replace(archived=archived)):
                    return

    async def _let_go(self, venue: Venue, symbol: str, step: Step, before: int, fence: int) -> None:
        went = await self._stores.aggregates.forget(venue, symbol, step.part, before, fence=fence)
        self.gone[step.part] += went
        if step is DAYS:
            self._archived.drop(venue, symbol, before)

    def _note(self, place: Place, stop: Stop | None) -> None:
        """Count and tell what is wrong, once as long as it stays the same."""
        if stop is None or not stop.wrong:
            self.stops.pop(place, None)
            return
        if self.stops.get(place) != stop:
            self.refusals += 1
            venue, symbol, timeframe = place
            structlog.get_logger().error(
                "tiering.refused",
                venue=venue,
                symbol=symbol,
                timeframe=timeframe,
                start=stop.start,
                reason=stop.reason,
            )
        self.stops[place] = stop


async def _taken(walk: Walk, piece: Piece) -> bool:
    if walk.step is SECONDS:
        return walk.take(piece)
    # Hashing profiles takes long enough to be felt by everybody else on the event loop.
    return await asyncio.to_thread(walk.take, piece)
