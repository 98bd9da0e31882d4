"""Tells a quiet stream from a dead one: suspicion by its own rhythm, then a question to the venue.

An acknowledgement proves nothing, and neither does silence. A stream is dead when the venue itself
knows something newer that has not come after a moment's grace. One that is proven quiet is left
alone for longer each time; where the venue cannot be asked, three unanswered suspicions count.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from cloud_marketdata.collectors.base import Topic
from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.speech import Speech
from cloud_marketdata.collectors.connection.watchdog import LOOK_S, Watch
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.lanes.lane import Lane
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import BookSnapshot
from cloud_marketdata.storage.ports import StreamKind

_GRACE_S: Final = 1.0
_AT_ONCE: Final = 4
_UNANSWERED_MAX: Final = 3


class Guard:
    """Watches the topics of one connection; calls `dead` with each that is proven dead.

    `suspicions`, `quiet` and `died` count what came of looking.
    """

    every_s: Final = LOOK_S

    def __init__(
        self, intake: Intake, speech: Speech, gear: Gear, dead: Callable[[Topic], None]
    ) -> None:
        self.suspicions = self.quiet = self.died = 0
        self._intake = intake
        self._speech = speech
        self._gear = gear
        self._dead = dead
        self._watches: dict[Topic, Watch] = {}
        self._asking: set[Topic] = set()
        self._told: dict[Topic, int] = {}
        self._unanswered: dict[Topic, int] = {}

    def expect(self, topics: Iterable[Topic]) -> None:
        """Watch topics that have just been asked for."""
        settings, now = self._gear.settings, self._gear.clock.now()
        for topic in topics:
            rhythm = self._intake.rhythm(topic.symbol, topic.kind)
            self._watches[topic] = Watch(
                rhythm, now, first_s=settings.first_message_s, least_s=settings.stale_after_s
            )

    def forget(self, topics: Iterable[Topic]) -> None:
        """Watch topics no more."""
        for topic in topics:
            self._watches.pop(topic, None)
            # What was known of it says nothing about a later subscription.
            self._told.pop(topic, None)
            self._unanswered.pop(topic, None)

    @property
    def complete(self) -> bool:
        """Whether every topic has brought something, and every book is in sync."""
        return all(self._has_come(topic) for topic in self._watches)

    def look(self, group: asyncio.TaskGroup) -> None:
        """Look at every stream once; the venue is asked in tasks of the group."""
        now = self._gear.clock.now()
        for topic, watch in self._watches.items():
            suspicious = watch.suspicious(self._heard(topic), now)
            if suspicious and topic not in self._asking and len(self._asking) < _AT_ONCE:
                self._asking.add(topic)
                self.suspicions += 1
                group.create_task(self._inquire(topic, watch))

    async def _inquire(self, topic: Topic, watch: Watch) -> None:
        if topic not in self._watches:
            # It went before its turn came; asking for it again would bring it back.
            self._asking.discard(topic)
            return
        heard = self._heard(topic)
        try:
            dead = await self._is_dead(topic)
            self._unanswered.pop(topic, None)
        except VenueError:
            watch.undecided(self._gear.clock.now())
            self._unanswered[topic] = self._unanswered.get(topic, 0) + 1
            dead = self._unanswered[topic] >= _UNANSWERED_MAX
        else:
            if not dead:
                self.quiet += 1
                watch.proven_quiet(self._gear.clock.now())
        finally:
            self._asking.discard(topic)
        if dead and self._heard(topic) == heard and topic in self._watches:
            self._bury(topic)

    async def _is_dead(self, topic: Topic) -> bool:
        rule = self._intake.collector.books.rule
        if topic.kind is StreamKind.BOOK and rule.snapshot_in_stream:
            return await self._no_answer(topic)
        newest = await self._venue_knows(topic)
        await self._gear.clock.sleep(_GRACE_S)
        known = self._known(topic)
        if known is not None:
            return known < newest
        # Nothing has come at all: dead if what the venue knows has changed since we first asked.
        before = self._told.setdefault(topic, newest)
        return await self._venue_knows(topic) != before

    async def _no_answer(self, topic: Topic) -> bool:
        """Subscribe again: a stream that lives answers with a snapshot."""
        heard = self._heard(topic)
        self._speech.unsubscribe((topic.name,))
        self._speech.subscribe((topic.name,))
        await self._gear.clock.sleep(self._gear.settings.stale_after_s)
        return self._heard(topic) == heard

    async def _venue_knows(self, topic: Topic) -> int:
        """Return the match time of the newest trade, or the update id of the book, by REST."""
        collector, now = self._intake.collector, self._gear.clock.now()
        if topic.kind is StreamKind.TRADES:
            body = await self._gear.rest.get(collector.newest_trade_ask(topic.symbol))
            return collector.decode_newest(body)
        body = await self._gear.rest.get(collector.newest_book_ask(topic.symbol))
        event = collector.decode_snapshot(topic.symbol, body, now)
        if isinstance(event, BookSnapshot):
            return event.update_id
        raise VenueError(event.detail)

    def _bury(self, topic: Topic) -> None:
        self.died += 1
        del self._watches[topic]
        lane, now = self._lane(topic), self._gear.clock.now()
        if lane and topic.kind is StreamKind.TRADES:
            lane.trades_died(now)
        elif lane:
            lane.distrust("its stream is dead", now)
        self._dead(topic)

    def _lane(self, topic: Topic) -> Lane | None:
        return self._intake.lanes.get(topic.symbol)

    def _heard(self, topic: Topic) -> int:
        lane = self._lane(topic)
        if lane is None:
            return 0
        return lane.trades_heard if topic.kind is StreamKind.TRADES else lane.book_heard

    def _known(self, topic: Topic) -> int | None:
        lane = self._lane(topic)
        if lane is None or not self._heard(topic):
            return None
        if topic.kind is StreamKind.TRADES:
            return lane.last_trade.exchange_time if lane.last_trade else None
        return lane.sync.newest_id

    def _has_come(self, topic: Topic) -> bool:
        lane = self._lane(topic)
        if lane is None:
            return False
        return lane.strand is not None if topic.kind is StreamKind.TRADES else lane.synced
