"""Gives one listener the past of a trades channel and then the present, without hole or repeat.

The replay reads the log on its own until the feed has the rest in hand; giving that and going live
is one step, so the seam is exact. What the log no longer holds is refused
before anything is sent; entries that leave the log meanwhile are told with a `status` frame.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cloud_marketdata.api.beginnings import Beginnings
from cloud_marketdata.api.resolutions import ResolutionGoneError
from cloud_marketdata.api.stream.audience import Seat
from cloud_marketdata.api.stream.channels.places import SKEW, find_time
from cloud_marketdata.api.stream.channels.reading import Read, read_on
from cloud_marketdata.api.stream.channels.recent import Recent
from cloud_marketdata.api.stream.channels.stretches import stretch_meta
from cloud_marketdata.api.stream.channels.tape import portions, received, trades_of, written
from cloud_marketdata.api.stream.feed import Feed
from cloud_marketdata.api.stream.ports import Frame, Since
from cloud_marketdata.api.times import iso
from cloud_marketdata.core.errors import BadRequestError, BadTimeError
from cloud_marketdata.domain.values import Timeframe
from cloud_marketdata.storage.ports import Record, Stream

PAUSE_S: Final = 0.02
"""A feed reads the log at most every so often; what was appended meanwhile shares a frame."""


class Start(NamedTuple):
    """Where a replay begins: behind `at`, with entries that were found already; since when (ns)."""

    at: int
    found: list[Record]
    time: int


class Replay:
    """One listener's way from a place in the log to the present of a feed."""

    def __init__(self, feed: Feed, recent: Recent, stream: Stream, seat: Seat) -> None:
        self._feed = feed
        self._recent = recent
        self._stream = stream
        self._seat = seat
        self._log = feed.sources.stores.log
        self._clock = feed.sources.clock
        self._hot = feed.sources.settings.hot_minutes * Timeframe.M1.ns
        self._at = 0
        self._torn = False

    async def run(self, since: Since) -> None:
        """Replay, tell `caught_up`, and make the seat live.

        Raises ResolutionGoneError, BadRequestError or BadTimeError before anything was sent.
        """
        start = await self._start(since)
        self._at = start.at
        # Going live ahead of the feed would hear once more what lies between.
        await self._passed(max([self._at, *(record.position for record in start.found)]))
        await self._send(start.found)
        meta: Mapping[str, Any] | None = None
        while not self._seat.left:
            await self._seat.listener.room()
            rest = self._recent.after(self._at)
            if rest is None:
                await self._go_on()
            elif meta is None:
                meta = await stretch_meta(self._feed.sources, self._feed.channel, start.time)
            else:
                self._finish(rest, meta)
                return

    def _finish(self, rest: list[Record], meta: Mapping[str, Any]) -> None:
        """Give what the feed has in hand, and the present, in one step."""
        feed = self._feed
        for portion in portions(rest):
            self._tell(portion)
        feed.audience.tell(self._seat, feed.frames.caught_up(self._at, meta))
        feed.audience.go_live(self._seat)

    async def _passed(self, position: int) -> None:
        """Wait until the feed has come as far as a replay that is ahead of it."""
        while self._feed.seq < position and not self._seat.left:
            await self._clock.sleep(PAUSE_S)

    async def _go_on(self) -> None:
        """Send a page of what the feed has passed already."""
        read = await read_on(self._log, self._stream, self._at)
        records = [record for record in read.records if record.position <= self._feed.seq]
        if not records:
            await self._clock.sleep(PAUSE_S)
            return
        if self._at:
            self._notice(read, records[0].position)
        await self._send(records)
        await self._clock.sleep(0)

    async def _send(self, records: list[Record]) -> None:
        for portion in portions(records):
            await self._seat.listener.room()
            self._tell(portion)

    def _tell(self, portion: list[Record]) -> None:
        feed, last = self._feed, portion[-1].position
        feed.audience.tell(self._seat, feed.frames.update(last, self._at, written(portion)))
        self._at = last

    def _notice(self, read: Read, before: int) -> None:
        """Tell where entries may have gone; of a stretch that ages under the replay only once."""
        whole = read.whole(self._clock.now() - self._hot)
        if not whole and (read.anchor is None or not self._torn):
            frame = torn(self._feed, self._at, before)
            self._feed.audience.tell(self._seat, frame)
        self._torn = not whole

    async def _start(self, since: Since) -> Start:
        if since.seq is not None:
            return await self._behind(since.epoch, since.seq)
        assert since.time is not None
        return await self._from(since.time)

    async def _behind(self, epoch: str, seq: int) -> Start:
        now = self._clock.now()
        last = await self._log.last(self._stream)
        if epoch != self._feed.frames.epoch:
            msg = f"from: epoch {epoch[:40]!r} is not that of this log; {await self._there()}"
            raise ResolutionGoneError(msg)
        if seq == 0 and await self._held_from_the_first(now):
            return Start(0, [], now - self._hot)
        if last is None or seq > last.position:
            msg = f"from: seq {seq} lies ahead of the log; {await self._there()}"
            raise BadRequestError(msg)
        read = await read_on(self._log, self._stream, seq)
        if read.anchor is None or not read.whole(now - self._hot):
            msg = f"from: what follows seq {seq} is not held whole any more; {await self._there()}"
            raise ResolutionGoneError(msg)
        return Start(seq, [], min(trade.exchange_time for trade in trades_of(read.anchor)))

    async def _from(self, time: int) -> Start:
        if time > self._clock.now():
            msg = f"from: {iso(time)} has not come yet"
            raise BadTimeError(msg)
        place = await find_time(self._log, self._stream, time)
        # Looked at behind the search: what was young enough before it may have gone meanwhile.
        kept = self._clock.now() - self._hot + SKEW
        if time < kept:
            msg = f"from: trades before {iso(kept)} need not be held whole; {await self._there()}"
            raise ResolutionGoneError(msg)
        return Start(place.after, [place.first] if place.first else [], time)

    async def _held_from_the_first(self, now: int) -> bool:
        """Whether no entry can have gone, so that who has heard none yet misses none.

        Entries go only when they are old, and are inside a bucket that is kept for longer by then.
        """
        market = (self._stream.venue, self._stream.symbol)
        oldest = await Beginnings(self._feed.sources.stores).find(*market)
        return oldest is None or oldest > now - self._hot

    async def _there(self) -> str:
        """Say what can be replayed."""
        oldest = await self._log.read(self._stream, limit=1)
        if not oldest:
            return "it holds no trades yet"
        since = iso(max(received(oldest[0]), self._clock.now() - self._hot))
        epoch = self._feed.frames.epoch
        return (
            f"epoch {epoch!r} holds entries from seq {oldest[0].position} on, of {since} or later"
        )


def torn(feed: Feed, after: int, before: int) -> Frame:
    """Return the frame that tells of entries which may have left the log unread."""
    detail = f"entries between seq {after} and {before} may have left the log before they were read"
    told = {"code": ResolutionGoneError.code, "detail": detail}
    return feed.frames.status(after, told | {"after_seq": after, "before_seq": before})
