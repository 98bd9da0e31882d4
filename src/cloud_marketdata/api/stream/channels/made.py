"""A channel that asks a REST question again and again, and tells what changed in the answer.

It asks only while somebody listens. Who joins is shown an answer asked for after it came, and so is
everybody after trouble: nothing is ever told on top of an answer that may be out of date.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from pydantic import BaseModel

from cloud_marketdata.api.stream.audience import Seat
from cloud_marketdata.api.stream.channels.keyed import Change, Picture
from cloud_marketdata.api.stream.feed import Feed, Kind, Sources
from cloud_marketdata.api.stream.ports import Channel, Frame, Listener, Since
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import BadRequestError, NotReadyError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import EventLog, Stream, StreamKind


class Made(NamedTuple):
    """How a channel is made.

    ask: answers its question. change: what differs between two answers. every_ms: how often it is
    looked. of_log: whether an answer is as it was while nothing has been logged for the market;
    its age is told anew with each heartbeat.
    """

    ask: Callable[[Sources, Channel], Awaitable[Picture]]
    change: Callable[[Picture, Picture], Change | None]
    every_ms: Callable[[Settings], int]
    of_log: bool = True


class MadeFeed(Feed):
    """Makes one such channel; its epoch ends with it."""

    def __init__(self, channel: Channel, sources: Sources, epoch: str, made: Made) -> None:
        super().__init__(channel, sources, epoch)
        self._made = made
        self._every_s = made.every_ms(sources.settings) / 1000
        self._moves = Moves(sources, channel) if made.of_log else None
        self._turn = asyncio.Lock()
        self._begun = self._done = 0
        self._picture: Picture | None = None
        self._snapshot: Frame | None = None

    async def work(self) -> None:
        """Look at the answer as often as it may have changed, until cancelled.

        The first look is that of whoever joins first.
        """
        while True:
            await self.sources.clock.sleep(self._every_s)
            if self._picture is None or self._moves is None or await self._moves.any():
                await self._look()

    async def welcome(self, seat: Seat, *, snapshot: bool, since: Since | None) -> None:
        """Show the answer of now, or what keeps it away, and go live."""
        if since is not None:
            msg = f"{self.channel.name} cannot be replayed: leave `from` out"
            raise BadRequestError(msg)
        await self._look_anew()
        if snapshot or self.trouble is not None:
            self.audience.tell(seat, self._state())
        self.audience.go_live(seat)

    def show(self, listener: Listener) -> None:
        """Offer the answer that was last looked at."""
        if self._picture is not None or self.trouble is not None:
            listener.offer(self.channel, self._state())

    def fail(self, error: Exception) -> None:
        """Tell of trouble; what was shown before it counts no more."""
        self._picture = self._snapshot = None
        super().fail(error)

    async def _look_anew(self) -> None:
        """Have the answer looked at by a look that begins after this call; share it with others."""
        begun = self._begun
        async with self._turn:
            # A look that was begun before this call, or that nobody finished, may know too little.
            if self._done > begun:
                return
            try:
                await self._take_look()
            except Exception as error:  # noqa: BLE001  it is told, and the feed itself tries again
                self.fail(error)

    async def _look(self) -> None:
        async with self._turn:
            await self._take_look()

    async def _take_look(self) -> None:
        self._begun += 1
        number = self._begun
        if self._moves is not None:
            await self._moves.note()
        try:
            picture = await self._made.ask(self.sources, self.channel)
        except NotReadyError as error:
            self.fail(error)
        else:
            self._show(picture)
        self._done = number

    def _show(self, picture: Picture) -> None:
        if self._picture is None:
            self._begin(picture)
        else:
            self._go_on(self._picture, picture)

    def _begin(self, picture: Picture) -> None:
        self.seq += 1
        self.trouble = None
        self._picture, self._snapshot = picture, None
        self.audience.offer(self._state())

    def _go_on(self, old: Picture, new: Picture) -> None:
        change = self._made.change(old, new)
        if change is None:
            return
        self.seq += 1
        self._picture, self._snapshot = new, None
        self.audience.offer(self.frames.update(self.seq, self.seq - 1, change.data, change.meta))

    def _state(self) -> Frame:
        """Return the snapshot of now, encoded once, or what is wrong."""
        if self._picture is None:
            return self.frames.status(self.seq, self.trouble)
        if self._snapshot is None:
            self._snapshot = self.frames.snapshot(self.seq, *self._picture)
        return self._snapshot


def made_kind(params: type[BaseModel], made: Made) -> Kind:
    """Return the kind of a channel that is made like this."""

    def feed(channel: Channel, sources: Sources, epoch: str) -> Feed:
        return MadeFeed(channel, sources, epoch, made)

    return Kind(params, feed, made.ask)


class Moves:
    """Whether anything was logged of a market since the last look, or that was long ago."""

    def __init__(self, sources: Sources, channel: Channel) -> None:
        kinds = (StreamKind.TRADES, StreamKind.STATUS)
        self._streams = [Stream(Venue(channel.venue), channel.symbol, kind) for kind in kinds]
        self._log: EventLog = sources.stores.log
        self._clock = sources.clock
        self._patience_s = sources.settings.stream_heartbeat_s
        self._seen: list[int] = []
        self._at = 0.0

    async def note(self) -> None:
        """Note where the market's streams end, for a look that begins now."""
        self._seen, self._at = await self._ends(), self._clock.monotonic()

    async def any(self) -> bool:
        """Return whether they end elsewhere by now, or the look is as old as may be."""
        patient = self._clock.monotonic() - self._at < self._patience_s
        return not patient or self._seen != await self._ends()

    async def _ends(self) -> list[int]:
        lasts = [await self._log.last(stream) for stream in self._streams]
        return [last.position if last else 0 for last in lasts]
