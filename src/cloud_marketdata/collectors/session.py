"""One connection of one venue, kept alive: connect, subscribe, receive, hand on, back off, again.

Only here does data meet the network. Everything that was remembered about the connection is in its
Intake, which is thrown away with it. Breaker, watchdog and rotation find their places in `run`.
"""

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import structlog
from msgspec.structs import replace

from cloud_marketdata.collectors.base import Connection, Control, ControlKind
from cloud_marketdata.collectors.intake import Intake
from cloud_marketdata.collectors.rest import Rest
from cloud_marketdata.collectors.sink import Sink
from cloud_marketdata.collectors.transport import Connect, Transport
from cloud_marketdata.core.backoff import backoff
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.domain.events import StatusEvent, StatusKind
from cloud_marketdata.storage.ports import Batch, BookState, Stream, StreamKind

_STABLE_S: Final = 60.0
_PUBLISH_S: Final = 0.1
_VOUCH_S: Final = 5.0
_SNAPSHOT_AGAIN_S: Final = (0.5, 1.5)
_RESUBSCRIBE_AGAIN_S: Final = (4.0, 6.0)
# Binance disconnects a client that sends more than five messages a second.
_BETWEEN_COMMANDS_S: Final = 0.25


class Session:
    """Runs one Connection; `connected` and `live` tell how it stands.

    `connected` is the socket, `live` that data has come over it: an acknowledgement proves nothing.
    """

    def __init__(  # noqa: PLR0913  these are its collaborators, each handed in
        self,
        plan: Connection,
        url: str,
        make_intake: Callable[[], Intake],
        *,
        connect: Connect,
        rest: Rest,
        writer: Sink,
        settings: Settings,
        clock: Clock,
        random: Random,
    ) -> None:
        self.plan = plan
        self.connected = self.live = False
        self.reconnects = 0
        self.refusals = 0
        self.last_error = ""
        self.intake = make_intake()
        self._url = url + plan.path
        self._make_intake = make_intake
        self._connect = connect
        self._rest = rest
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._random = random
        self._arrived = asyncio.Event()
        self._unread: list[bytes] = []
        self._received_at = 0
        self._published = 0.0
        self._transport: Transport | None = None
        venue = self.intake.collector.venue
        self._log = structlog.get_logger().bind(venue=str(venue), connection=plan.name)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        delays = self._delays()
        while True:
            began = self._clock.monotonic()
            try:
                await self._stay()
            except VenueError as error:
                self.last_error = str(error)
                self.reconnects += 1
                self._log.warning("session.lost", error=str(error))
                _end_if_cancelled()
            if self._clock.monotonic() - began >= _STABLE_S:
                delays = self._delays()
            await self._clock.sleep(next(delays))

    def _delays(self) -> Iterator[float]:
        settings = self._settings
        return backoff(self._random, first_s=settings.backoff_first_s, cap_s=settings.backoff_cap_s)

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
        if self.intake.waiting >= self._settings.batch_events:
            self._flush()

    def _read(self) -> None:
        unread, self._unread = self._unread, []
        self.intake.receive_all(unread, self._received_at)

    # One connection, from open to lost.

    async def _stay(self) -> None:
        self.intake = self._make_intake()
        self._transport = transport = await self._connect(self._url, self)
        self.connected = True
        self._log.info("session.connected", topics=len(self.plan.topics))
        self._tell(StatusKind.CONNECTED)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._subscribe(transport))
                group.create_task(self._beat(transport))
                group.create_task(self._flush_soon(group))
                group.create_task(self._vouch())
                await self._until_closed(transport)
        except* VenueError as errors:
            raise VenueError(str(errors.exceptions[0])) from errors
        finally:
            transport.close()
            self._lost()

    @staticmethod
    async def _until_closed(transport: Transport) -> None:
        await transport.closed()
        msg = "the venue closed the connection"
        raise VenueError(msg)

    async def _subscribe(self, transport: Transport) -> None:
        for command in self.plan.subscribe:
            transport.send(command)
            await self._clock.sleep(_BETWEEN_COMMANDS_S)

    async def _beat(self, transport: Transport) -> None:
        heartbeat = self.intake.collector.heartbeat
        while heartbeat:
            await self._clock.sleep(heartbeat.every_s)
            transport.send(heartbeat.payload)

    async def _flush_soon(self, group: asyncio.TaskGroup) -> None:
        """Hand on what came, one batch time after its first frame."""
        while True:
            await self._arrived.wait()
            await self._clock.sleep(self._settings.batch_ms / 1000)
            self._arrived.clear()
            self._flush()
            for symbol in self.intake.wishes():
                group.create_task(self._bring_snapshot(symbol))
            if self.intake.unpublished:
                self._arrived.set()

    async def _vouch(self) -> None:
        """Publish synced books again, so that readers can tell a quiet book from a dead process."""
        while True:
            await self._clock.sleep(_VOUCH_S)
            levels, now = self._settings.book_levels, self._clock.now()
            self._writer.submit((), self.intake.views(levels, now, quiet=True))

    def _flush(self) -> None:
        # The library answers some frames itself and then does not tell that the read is over.
        self._read()
        intake = self.intake
        self.live = self.live or intake.live
        batches = intake.take()
        lost = any(batch.stream.kind is StreamKind.STATUS for batch in batches)
        now = self._clock.monotonic()
        views = []
        if lost or now - self._published >= _PUBLISH_S:
            views = intake.views(self._settings.book_levels, self._clock.now())
            self._published = now
        self._writer.submit(batches, views, intake.refined())
        if self._transport:
            self._writer.when_full(self._transport.pause, self._transport.resume)
        for control in intake.take_controls():
            self._heed(control)

    async def _bring_snapshot(self, symbol: str) -> None:
        collector = self.intake.collector
        commands = collector.resubscribe(symbol)
        if commands and self._transport:
            for command in commands:
                self._transport.send(command)
            # A refusal, or a command that got lost, must not be the end of the repair.
            await self._ask_again_later(symbol, _RESUBSCRIBE_AGAIN_S)
            return
        try:
            body = await self._rest.get(collector.snapshot_ask(symbol))
        except VenueError as error:
            self._log.warning("session.no_snapshot", symbol=symbol, error=str(error))
            await self._ask_again_later(symbol, _SNAPSHOT_AGAIN_S)
            return
        event = collector.decode_snapshot(symbol, body, self._clock.now())
        self.intake.snapshot(symbol, event)
        self._arrived.set()
        if self.intake.lane(symbol).sync.wants_snapshot:
            # It was older than the stream. The next one costs as much, so it is not asked at once.
            self.intake.lane(symbol).sync.expect_snapshot()
            await self._ask_again_later(symbol, _SNAPSHOT_AGAIN_S)

    async def _ask_again_later(self, symbol: str, within_s: tuple[float, float]) -> None:
        await self._clock.sleep(self._random.uniform(*within_s))
        self.intake.lane(symbol).sync.snapshot_failed()
        self._arrived.set()

    def _heed(self, control: Control) -> None:
        if control.kind is ControlKind.REFUSED:
            self.refusals += 1
            self.last_error = f"refused: {control.detail}"
            self._log.warning("session.refused", detail=control.detail)
        elif control.kind is ControlKind.SHUTDOWN and self._transport:
            self._log.info("session.shutdown_announced")
            self._transport.close()

    def _lost(self) -> None:
        """Hand on the rest and mark every book of this connection as not to be believed."""
        self.connected = self.live = False
        self._transport = None
        self._read()
        views = self.intake.views(1, self._clock.now(), quiet=True)
        stale = [
            replace(view, state=BookState.STALE, bids=(), asks=(), reason="disconnected")
            for view in views
        ]
        self._writer.submit(self.intake.take(), stale, self.intake.refined())
        self._tell(StatusKind.DISCONNECTED)

    def _tell(self, kind: StatusKind) -> None:
        venue = self.intake.collector.venue
        now = self._clock.now()
        symbols = sorted({_symbol(topic) for topic in self.plan.topics})
        self._writer.submit(
            Batch(
                Stream(venue, symbol, StreamKind.STATUS),
                [StatusEvent(venue, symbol, kind, now, {"connection": self.plan.name})],
            )
            for symbol in symbols
        )


def _end_if_cancelled() -> None:
    """Raise the cancellation that a task group swallowed because the connection was lost too."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


def _symbol(topic: str) -> str:
    name, separator, _ = topic.partition("@")
    return name.upper() if separator else topic.rpartition(".")[2]
