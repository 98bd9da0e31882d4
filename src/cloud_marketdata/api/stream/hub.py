"""Brings feeds and listeners together: each channel is made once, while somebody listens to it.

A feed starts with its first listener and ends a little after its last, so that one who comes back
at once finds it at work. There are at most so many; beyond that a new one is refused, and counted.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Final

from cloud_marketdata.api.errors import Problems
from cloud_marketdata.api.queries import Queries
from cloud_marketdata.api.stream.channels.registry import KINDS
from cloud_marketdata.api.stream.feed import Feed, Sources
from cloud_marketdata.api.stream.ports import Channel, Listener, Since
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import LimitError, MarketDataError, NotReadyError, StorageError
from cloud_marketdata.core.health import Pulse
from cloud_marketdata.core.telemetry.catalogue import WS_CHANNELS
from cloud_marketdata.core.telemetry.metric import Sample
from cloud_marketdata.core.telemetry.stage_times import StageTimes
from cloud_marketdata.storage.ports import Stores

LINGER_S: Final = 5.0
"""How long a feed works on without listeners."""
_LOOKS: Final = 5
"""How often in the time of a heartbeat it is looked for who needs one."""


class Hub:
    """All channels of one process; see `ports.Subscriptions`."""

    def __init__(
        self, queries: Queries, stores: Stores, clock: Clock, settings: Settings, random: Random
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._run = f"{clock.now():x}"
        problems = Problems("stream", clock)
        self._served = StageTimes("served")
        self._sources = Sources(queries, stores, clock, settings, random, problems, self._served)
        self._starts = count(1)
        self._feeds: dict[Channel, Feed] = {}
        self._working: dict[Channel, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._refused: Counter[str] = Counter()
        self._made = self._failures = 0

    async def run(self) -> None:
        """Have feeds at work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for channel in self._feeds:
                    self._start(channel)
                while True:
                    await self._clock.sleep(self._settings.stream_heartbeat_s / _LOOKS)
                    self._look_round()
        finally:
            self._group = None

    async def check(self, channel: Channel) -> None:
        """Raise what REST would raise of the same question; a channel at work has been checked."""
        if channel not in self._feeds:
            try:
                await KINDS[channel.name].ask(self._sources, channel)
            except (NotReadyError, StorageError):
                # That may pass; the channel itself tells of it.
                return
            except MarketDataError as error:
                self._refused[error.code] += 1
                raise

    async def join(
        self, channel: Channel, listener: Listener, *, snapshot: bool, since: Since | None
    ) -> None:
        """See `ports.Subscriptions`; raises LimitError where too many channels are at work."""
        try:
            feed = self._feed(channel)
            seat = feed.audience.take(listener)
            try:
                await feed.welcome(seat, snapshot=snapshot, since=since)
            finally:
                if not seat.live:
                    feed.audience.give_up(seat)
        except MarketDataError as error:
            self._refused[error.code] += 1
            raise

    def leave(self, channel: Channel, listener: Listener) -> None:
        """Detach a listener, also one that still joins; one that is not there is no error."""
        feed = self._feeds.get(channel)
        if feed is not None:
            feed.audience.leave(listener)

    def refresh(self, channel: Channel, listener: Listener) -> None:
        """Offer the state of now to one that had to leave frames out."""
        feed = self._feeds.get(channel)
        if feed is not None:
            feed.show(listener)

    def measures(self) -> Iterator[Sample]:
        """See core.telemetry.metric.Measured."""
        yield WS_CHANNELS.of(len(self._feeds))
        yield from self._served.measures()

    async def pulse(self) -> Pulse:
        """See Component: not ok while a channel that is listened to does not work."""
        feeds = self._feeds.values()
        broken = sum(feed.trouble is not None and len(feed.audience) > 0 for feed in feeds)
        detail: dict[str, object] = {
            "channels": len(feeds),
            "channels_max": self._settings.stream_channels,
            "listeners": sum(len(feed.audience) for feed in feeds),
            "frames": self._made + sum(feed.audience.made for feed in feeds),
            "failures": self._failures + sum(feed.failures for feed in feeds),
            "in_trouble": broken,
            "refused": dict(self._refused),
        }
        working = self._group is not None
        state = "ok" if working else "stopped"
        return Pulse("processing", "stream channels", state, ok=working, detail=detail)

    def _feed(self, channel: Channel) -> Feed:
        """Return the channel's feed, which is started if it is not at work."""
        if self._group is None:
            msg = "the stream is not running yet"
            raise NotReadyError(msg)
        if channel not in self._feeds:
            self._make_room()
            epoch = f"{self._run}-{next(self._starts)}"
            self._feeds[channel] = KINDS[channel.name].feed(channel, self._sources, epoch)
            self._start(channel)
        return self._feeds[channel]

    def _start(self, channel: Channel) -> None:
        assert self._group is not None
        self._working[channel] = self._group.create_task(self._feeds[channel].run())

    def _make_room(self) -> None:
        """End a feed that nobody listens to, where there are as many as there may be."""
        if len(self._feeds) < self._settings.stream_channels:
            return
        idle = max(self._feeds, key=lambda channel: self._feeds[channel].audience.empty_s())
        if len(self._feeds[idle].audience):
            msg = f"{len(self._feeds)} different channels are at work, which is all there may be"
            raise LimitError(msg)
        self._end(idle)

    def _look_round(self) -> None:
        """Let quiet feeds say that they are alive, and end those that nobody listens to."""
        for channel, feed in tuple(self._feeds.items()):
            if feed.audience.empty_s() > LINGER_S:
                self._end(channel)
            elif feed.audience.quiet_s() >= self._settings.stream_heartbeat_s:
                feed.audience.offer(feed.beat())

    def _end(self, channel: Channel) -> None:
        feed = self._feeds.pop(channel)
        self._made += feed.audience.made
        self._failures += feed.failures
        self._working.pop(channel).cancel()
