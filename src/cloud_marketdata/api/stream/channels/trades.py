"""Trades: the tail of the log, as it is written.

`seq` is the position of the newest entry in a frame and `prev_seq` the one before the first, so a
client can go on from any frame, in any process over the same log, as long as the log holds it. The
epoch is the log's own: it ends where positions begin to mean other entries.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from cloud_marketdata.api.questions import TradesQuestion
from cloud_marketdata.api.stream.audience import Seat
from cloud_marketdata.api.stream.channels.facts import Facts
from cloud_marketdata.api.stream.channels.places import newest
from cloud_marketdata.api.stream.channels.reading import read_on
from cloud_marketdata.api.stream.channels.recent import SHOWN, Recent
from cloud_marketdata.api.stream.channels.replay import PAUSE_S, Replay, torn
from cloud_marketdata.api.stream.channels.stretches import stretch_meta
from cloud_marketdata.api.stream.channels.tape import portions, trades_of, written
from cloud_marketdata.api.stream.feed import Feed, Kind, Sources
from cloud_marketdata.api.stream.frames import Frames
from cloud_marketdata.api.stream.ports import Channel, Frame, Listener, Since
from cloud_marketdata.domain.events import StatusKind
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Record, Stream, StreamKind

_IDLE_S: Final = 0.25
"""An append of another process is noticed so soon where the log itself cannot tell of it."""
_TOLD: Final = {
    StatusKind.TRADES_LOST,
    StatusKind.TRADE_GAP,
    StatusKind.TRADES_REPAIRED,
    StatusKind.TRADES_UNREPAIRED,
    StatusKind.TRADES_DOUBTED,
}


class TradesParams(BaseModel):
    """The live tape takes no parameters; `from` beside them says where it begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TradesFeed(Feed):
    """Follows one trades stream; its epoch is that of the log, once that is known."""

    def __init__(self, channel: Channel, sources: Sources, epoch: str) -> None:
        super().__init__(channel, sources, epoch)
        venue = Venue(channel.venue)
        self._stream = Stream(venue, channel.symbol, StreamKind.TRADES)
        self._log = sources.stores.log
        self._facts = Facts(self._log, venue, channel.symbol)
        self._recent = Recent()
        self._begun = False
        self._beginning = asyncio.Lock()

    async def work(self) -> None:
        """Follow the log until cancelled."""
        await self._begin()
        while True:
            for fact in await self._facts.news():
                if fact.event.kind in _TOLD:
                    told = fact.written()
                    data = {"code": told.kind, "detail": told.words, "fact": told}
                    self.audience.offer(self.frames.status(self.seq, data))
            if not await self._follow():
                await self._log.wait(*self._stream[:2], _IDLE_S)
            await self.sources.clock.sleep(PAUSE_S)

    async def welcome(self, seat: Seat, *, snapshot: bool, since: Since | None) -> None:
        """Replay from `since`, or show the newest trades; then go live."""
        await self._begin()
        if since is not None:
            await Replay(self, self._recent, self._stream, seat).run(since)
            return
        if snapshot:
            times = [t.exchange_time for one in self._recent.shown() for t in trades_of(one)]
            start = min(times, default=self.sources.clock.now())
            meta = await stretch_meta(self.sources, self.channel, start)
            self.audience.tell(seat, self._snapshot(meta))
        self.audience.go_live(seat)

    def show(self, listener: Listener) -> None:
        """Offer the newest trades again."""
        listener.offer(self.channel, self._snapshot())

    def _snapshot(self, meta: object = None) -> Frame:
        return self.frames.snapshot(self.seq, written(self._recent.shown()), meta)

    async def _begin(self) -> None:
        """Stand at the end of the log, unless this was done; its end is where seq begins."""
        async with self._beginning:
            if not self._begun:
                await self._facts.begin()
                epoch = await self._log.epoch()
                self.frames = Frames(self.channel, epoch, self.sources.clock)
                self._recent.begin(await newest(self._log, self._stream, SHOWN))
                self.seq = self._recent.seq
                self._begun = True

    async def _follow(self) -> bool:
        """Tell what was appended; return whether there was anything."""
        read = await read_on(self._log, self._stream, self.seq)
        self.recovered()
        if self.seq and read.anchor is None and read.records:
            # Away for longer than the log holds, or the log is another one.
            if await self._replaced():
                return True
            self.audience.offer(torn(self, self.seq, read.records[0].position))
        for portion in portions(read.records):
            last = portion[-1].position
            frame = self.frames.update(last, self.seq, written(portion))
            self.seq = last
            self._recent.add(portion)
            self.audience.offer(frame)
            self._time(portion)
        return bool(read.records)

    def _time(self, portion: Sequence[Record]) -> None:
        """Count how long these trades took until they were handed to those who listen."""
        if self.audience.live:
            received = Counter([t.received_at for one in portion for t in trades_of(one)])
            self.sources.served.since(self._stream.venue, received, self.sources.clock.now())

    async def _replaced(self) -> bool:
        """Begin anew in a log that is not the one before, whose positions mean nothing in it."""
        if await self._log.epoch() == self.frames.epoch:
            return False
        self._begun = False
        await self._begin()
        self.audience.offer(self._snapshot())
        return True


async def _ask(sources: Sources, channel: Channel) -> object:
    question = TradesQuestion(venue=channel.venue, symbol=channel.symbol, limit=1)
    return await sources.queries.trades(question)


KIND: Final = Kind(TradesParams, TradesFeed, _ask)
