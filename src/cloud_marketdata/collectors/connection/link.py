"""One connection, from open to lost: subscribe, receive, hand on, and say when it wants relief.

Only here does data meet the network. What is remembered about the connection is in its Intake and
dies with it. A link never opens another one; `session` does that.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from cloud_marketdata.collectors.base import Connection, Control, ControlKind, Topic
from cloud_marketdata.collectors.connection.gear import Gear
from cloud_marketdata.collectors.connection.guard import Guard
from cloud_marketdata.collectors.connection.sampler import TickerSampler
from cloud_marketdata.collectors.connection.snapshots import Snapshots
from cloud_marketdata.collectors.connection.speech import Speech
from cloud_marketdata.collectors.connection.transport import Transport
from cloud_marketdata.collectors.lanes.intake import Intake
from cloud_marketdata.collectors.rest.budget import Pacer
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.ports import Batch, BookState, BookView, Stream, StreamKind

_PUBLISH_S: Final = 0.1
_VOUCH_S: Final = 5.0
# A thousand books of Binance spot need ten minutes of its weight.
_BOOKS_S: Final = 660.0


class Link:
    """Carries the topics of `plan` until it is lost.

    `connected` is the socket. `relief` is set when another link should take over, with the reason
    in `why`: the link is lost, old, warned, or one of its streams is dead. `settled` is set when it
    may relieve its predecessor: everything asked for has come, or the time for that is over.
    """

    def __init__(self, plan: Connection, url: str, intake: Intake, gear: Gear) -> None:
        self.plan = plan
        self.intake = intake
        self.connected = False
        self.why = ""
        self.relief = asyncio.Event()
        self.settled = asyncio.Event()
        self.ended = asyncio.Event()
        self.opened_at = 0
        self._url = url
        self._gear = gear
        self._arrived = asyncio.Event()
        self._unread: list[bytes] = []
        self._received_at = 0
        self._published = 0.0
        self._transport: Transport | None = None
        self._paused = False
        self._pacer = Pacer(intake.collector.limits.commands_per_s, gear.clock.monotonic)
        self._speech = Speech(intake.collector, self._pacer, gear.clock)
        self._snapshots = Snapshots(intake, self._speech, gear, self._arrived.set)
        self.guard = Guard(intake, self._speech, gear, self._dead)
        self._log = structlog.get_logger().bind(
            venue=str(intake.collector.venue), connection=plan.name
        )

    @property
    def lost(self) -> bool:
        """Whether it has come to its end, or never came to be."""
        return self.ended.is_set()

    @property
    def refused(self) -> list[str]:
        """Topics that the venue will not give."""
        return self._speech.refused

    # What the transport calls.

    def message(self, payload: bytes, received_at: int) -> None:
        """See transport.Receiver."""
        if not self._unread:
            # One stamp serves all frames of one read, because they arrived together.
            self._received_at = received_at
            self._arrived.set()
        self._unread.append(payload)

    def read_done(self) -> None:
        """See transport.Receiver."""
        self._read()
        if self.intake.waiting >= self._gear.settings.batch_events:
            self._flush()

    def ponged(self) -> None:
        """See transport.Receiver."""
        self._pacer.note()

    def _read(self) -> None:
        unread, self._unread = self._unread, []
        self.intake.receive_all(unread, self._received_at)

    # From open to lost.

    async def run(self) -> None:
        """Stay until the connection is lost, which raises VenueError."""
        try:
            self._transport = transport = await self._open()
            self.connected, self.opened_at = True, self._gear.clock.now()
            self._log.info("link.connected", topics=len(self.plan.topics))
            self._tell(StatusKind.CONNECTED)
            try:
                await self._carry(transport)
            finally:
                transport.close()
                self._leave()
        finally:
            self.ask_relief("lost")
            self.settled.set()
            self.ended.set()

    def ask_relief(self, why: str) -> None:
        """Have another link take over; the first reason counts."""
        self.why = self.why or why
        self.relief.set()

    def retire(self) -> None:
        """Close, because another link carries the topics now."""
        if self._transport:
            self._transport.close()

    def change(self, plan: Connection) -> None:
        """Carry other topics from now on; those that stay are not touched."""
        gone = [topic for topic in self.plan.topics if topic not in plan.topics]
        new = [topic for topic in plan.topics if topic not in self.plan.topics]
        self.plan = plan
        if self.connected:
            self._speech.unsubscribe([topic.name for topic in gone])
            self.guard.forget(gone)
            self._drop({topic.symbol for topic in gone}, "no longer collected")
            self._ask_for(new)

    async def _open(self) -> Transport:
        breaker, opened = self._gear.breaker, False
        try:
            transport = await self._gear.connect(self._url, self)
            opened = True
        finally:
            # Also a cancelled attempt must give back the breaker's only probe.
            breaker.succeeded() if opened else breaker.failed()
        return transport

    async def _carry(self, transport: Transport) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._speech.run(transport))
                group.create_task(self._beat())
                group.create_task(self._flush_soon(group))
                group.create_task(self._vouch())
                group.create_task(self._watch(group))
                group.create_task(self._grow_old())
                group.create_task(self._snapshots.keep_fresh())
                group.create_task(TickerSampler(self.intake, self._speech, self._gear).run())
                self._ask_for(self.plan.topics)
                await self._until_closed(transport)
        except* VenueError as errors:
            raise VenueError(str(errors.exceptions[0])) from errors

    @staticmethod
    async def _until_closed(transport: Transport) -> None:
        await transport.closed()
        msg = "the venue closed the connection"
        raise VenueError(msg)

    def _ask_for(self, topics: Sequence[Topic]) -> None:
        self._speech.subscribe([topic.name for topic in topics])
        self.guard.expect(topics)

    async def _beat(self) -> None:
        heartbeat = self.intake.collector.heartbeat
        while heartbeat:
            await self._gear.clock.sleep(heartbeat.every_s)
            self._speech.say(heartbeat.payload)

    async def _flush_soon(self, group: asyncio.TaskGroup) -> None:
        """Hand on what came, one batch time after its first frame."""
        while True:
            await self._arrived.wait()
            await self._gear.clock.sleep(self._gear.settings.batch_ms / 1000)
            self._arrived.clear()
            self._flush()
            for symbol in self.intake.wishes():
                group.create_task(self._snapshots.bring(symbol))
            if self.intake.unpublished:
                self._arrived.set()

    async def _vouch(self) -> None:
        """Publish synced books again, so that readers can tell a quiet book from a dead process."""
        while True:
            await self._gear.clock.sleep(_VOUCH_S)
            levels, now = self._gear.settings.book_levels, self._gear.clock.now()
            self._gear.sink.submit((), self.intake.views(levels, now, quiet=True))

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._gear.clock.sleep(self.guard.every_s)
            # What waits in the kernel because we do not read is no silence of the venue's.
            if not self._paused:
                self.guard.look(group)
            if self.guard.complete or self._waited():
                self.settled.set()

    def _waited(self) -> bool:
        """Whether the time to settle is over; books that wait for their snapshots get longer."""
        late = any(lane.book_heard and not lane.synced for lane in self.intake.lanes.values())
        overlap_s = self._gear.settings.overlap_s
        return self._aged(max(overlap_s, _BOOKS_S) if late else overlap_s)

    def _aged(self, seconds: float) -> bool:
        return self._gear.clock.now() - self.opened_at >= seconds * NS_PER_S

    async def _grow_old(self) -> None:
        hours = self._gear.settings.lifetime_hours
        # Not all at once: up to a fiftieth earlier.
        await self._gear.clock.sleep(hours * 3600 * self._gear.random.uniform(0.98, 1.0))
        # A relief that grew old before it could take over must not be relieved in its turn for it.
        await self.settled.wait()
        self.ask_relief("old")

    def _dead(self, topic: Topic) -> None:
        self._log.warning("link.stream_dead", topic=topic.name)
        self._arrived.set()
        self.ask_relief(f"{topic.name} is dead")

    # Handing on.

    def _flush(self) -> None:
        # The library answers some frames itself and then does not tell that the read is over.
        self._read()
        batches = self.intake.take()
        # The fact of a loss may have left with another connection of the same symbol.
        news = any(batch.stream.kind is StreamKind.STATUS for batch in batches)
        now = self._gear.clock.monotonic()
        views: list[BookView] = []
        if news or self.intake.book_lost or now - self._published >= _PUBLISH_S:
            views = self.intake.views(self._gear.settings.book_levels, self._gear.clock.now())
            self._published = now
        self._hand_on(batches, views)
        if self._transport:
            self._gear.sink.when_full(self._pause, self._resume)
        for control in self.intake.take_controls():
            self._heed(control)

    def _hand_on(self, batches: Sequence[Batch], views: Sequence[BookView]) -> None:
        self._gear.sink.submit(batches, views, self.intake.refined())
        for symbol, gap in self.intake.take_gaps():
            self._gear.repair(symbol, gap)

    def _pause(self) -> None:
        self._paused = True
        if self._transport:
            self._transport.pause()

    def _resume(self) -> None:
        self._paused = False
        if self._transport:
            self._transport.resume()

    def _heed(self, control: Control) -> None:
        if control.kind is ControlKind.SHUTDOWN:
            self._log.info("link.shutdown_announced")
            self.ask_relief("the venue announced a shutdown")
        elif self._speech.answered(control):
            self._log.warning("link.refused", detail=control.detail)

    def _leave(self) -> None:
        """Hand on the rest; books that nobody else can vouch for are not to be believed."""
        self.connected, self._transport = False, None
        self._read()
        self._hand_on(self.intake.take(), ())
        self._drop(set(self.intake.lanes), "disconnected")
        self._tell(StatusKind.DISCONNECTED)

    def _drop(self, symbols: Iterable[str], why: str) -> None:
        """Let lanes go; a book that no other connection has is not to be believed any more."""
        now = self._gear.clock.now()
        for symbol in sorted(symbols):
            lane = self.intake.lanes.pop(symbol, None)
            if lane is None:
                continue
            view = lane.view(1, now) if lane.speaks else None
            lane.leave(now)
            stale = view and replace(view, state=BookState.STALE, bids=(), asks=(), reason=why)
            views = [stale] if stale and lane.desk.leader is None else []
            self._hand_on(list(lane.desk.take()), views)
            for gap in lane.desk.take_gaps():
                # The intake has no such lane any more, and a twin may be silent for long.
                self._gear.repair(symbol, gap)

    def _tell(self, kind: StatusKind) -> None:
        venue = self.intake.collector.venue
        now = self._gear.clock.now()
        symbols = sorted({topic.symbol for topic in self.plan.topics})
        self._gear.sink.submit(
            Batch(
                Stream(venue, symbol, StreamKind.STATUS),
                [StatusEvent(venue, symbol, kind, now, {"connection": self.plan.name})],
            )
            for symbol in symbols
        )
