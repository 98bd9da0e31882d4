"""Brings a connection's books their snapshots: when one is wanted, and now and then to stay exact.

By REST on Binance, by subscribing again on Bybit. A REST snapshot knows a thousand levels; as the
price walks away from them the known range shrinks, so each book is renewed every so often, without
ever being out of sync (see BookSync.refresh).
"""

from collections.abc import Callable
from math import inf
from typing import Final

import structlog

from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.speech import Speech
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.lane import Lane
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.values import NS_PER_S

# A book that knows fewer levels than these on a side is renewed after the pause.
_NEAR: Final = 200
_AT_ONCE_S: Final = 10.0
_SNAPSHOT_AGAIN_S: Final = (0.5, 1.5)
_RESUBSCRIBE_AGAIN_S: Final = (4.0, 6.0)


class Snapshots:
    """Asks for the books of one connection; `arrived` is called when one has been taken in."""

    def __init__(
        self, intake: Intake, speech: Speech, gear: Gear, arrived: Callable[[], None]
    ) -> None:
        self._intake = intake
        self._speech = speech
        self._gear = gear
        self._arrived = arrived
        self._log = structlog.get_logger().bind(venue=str(intake.collector.venue))

    async def bring(self, symbol: str) -> None:
        """Answer one wish of the intake's, or let it be wished again after a while.

        A symbol may have gone by the time that its turn or its answer comes; that ends it.
        """
        collector = self._intake.collector
        if symbol not in self._intake.lanes:
            return
        if collector.books.rule.snapshot_in_stream:
            topic = (collector.books.topic(symbol),)
            self._speech.unsubscribe(topic)
            self._speech.subscribe(topic)
            # A refusal, or a command that got lost, must not be the end of the repair.
            await self._again_later(symbol, _RESUBSCRIBE_AGAIN_S)
            return
        if not await self._ask(symbol):
            await self._again_later(symbol, _SNAPSHOT_AGAIN_S)
            return
        lane = self._intake.lanes.get(symbol)
        if lane and lane.sync.wants_snapshot:
            # It was older than the stream. The next one costs as much, so it is not asked at once.
            lane.sync.expect_snapshot()
            await self._again_later(symbol, _SNAPSHOT_AGAIN_S)

    async def keep_fresh(self) -> None:
        """Renew one book after the other, each once in `book_refresh_s`, until cancelled."""
        if self._intake.collector.books.rule.snapshot_in_stream:
            return
        renewed: dict[str, int] = {}
        while True:
            await self._gear.clock.sleep(1.0)
            now = self._gear.clock.now()
            for symbol, lane in list(self._intake.lanes.items()):
                age_s = (now - renewed.setdefault(symbol, now)) / NS_PER_S
                if age_s >= self._patience_s(lane):
                    renewed[symbol] = now
                    lane.sync.refresh()
                    if not await self._ask(symbol):
                        lane.sync.snapshot_failed()

    def _patience_s(self, lane: Lane) -> float:
        """Return the age at which a book is renewed: early where the price has left its range."""
        if not lane.synced or lane.sync.book is None:
            return inf
        levels = min(self._gear.settings.book_levels, _NEAR)
        near = lane.sync.book.knows(levels)
        return self._gear.settings.book_refresh_s if near else _AT_ONCE_S

    async def _ask(self, symbol: str) -> bool:
        collector = self._intake.collector
        try:
            body = await self._gear.rest.get(collector.snapshot_ask(symbol))
        except VenueError as error:
            self._log.warning("snapshots.none", symbol=symbol, error=str(error))
            return False
        if symbol in self._intake.lanes:
            event = collector.decode_snapshot(symbol, body, self._gear.clock.now())
            self._intake.snapshot(symbol, event)
            self._arrived()
        return True

    async def _again_later(self, symbol: str, within_s: tuple[float, float]) -> None:
        await self._gear.clock.sleep(self._gear.random.uniform(*within_s))
        lane = self._intake.lanes.get(symbol)
        if lane:
            lane.sync.snapshot_failed()
            self._arrived()
