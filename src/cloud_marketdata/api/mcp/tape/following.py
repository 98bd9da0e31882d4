"""Follows one trades stream of the log for a bounded time from a cursor on.

Everything is read from the log, so any process can go on where another stopped, and nothing is held
between two calls: cancelling one leaves nothing behind.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from msgspec import Struct

from cloud_marketdata.api.cursors import BadCursorError
from cloud_marketdata.api.mcp.tape.cursors import TapeCursor, market_of
from cloud_marketdata.api.mcp.tape.feeds import FeedState, feed_state
from cloud_marketdata.api.stream.channels.reading import Read, read_on
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.storage.ports import EventLog, Stream

MOST_READ: Final = 10_000
"""Trades that one call reads at most, however few of them are wanted."""
_WAIT_S: Final = 0.25

Complete = Literal["full", "timeout", "feed_down"]
Progress = Callable[[float, int], Awaitable[None]]
"""Is told how many seconds have passed, always more of them, and how many trades were read."""


class Pulled(Struct):
    """Trades in the order of the log, each with its place: its entry and its number in there.

    at, given: the entry where the reader stands, and how many of its trades were read. whole:
    whether the log still held every entry behind the cursor.
    """

    trades: list[TradeEvent]
    places: list[tuple[int, int]]
    at: int
    given: int
    whole: bool = True
    complete: Complete = "timeout"
    feed: FeedState = FeedState(live=True, words="")

    def upto(self, count: int) -> None:
        """Keep the first `count` trades; what follows is read again by the next call."""
        del self.trades[count:], self.places[count:]


class Tape:
    """One market's trades stream; hot_ns: for how long the log is sure to hold an entry."""

    def __init__(self, log: EventLog, stream: Stream, clock: Clock, hot_ns: int) -> None:
        self._log = log
        self._stream = stream
        self._clock = clock
        self._hot_ns = hot_ns

    async def newest(self) -> TapeCursor:
        """Return the cursor before the newest entry, where who has none begins."""
        last = await self._log.last(self._stream)
        position, epoch = last.position if last else 0, await self._log.epoch()
        return TapeCursor(market_of(self._stream), epoch, position, 0, None, self._clock.now())

    async def follow(
        self,
        cursor: TapeCursor,
        seconds: float,
        enough: Callable[[list[TradeEvent]], bool],
        progress: Progress,
    ) -> Pulled:
        """Read behind the cursor until it is enough, the time is over, or the feed is down.

        enough: is told of trades as they are read, and says when no more are wanted.
        Raises BadCursorError where the cursor is of another log.
        """
        await self._check(cursor)
        pulled = Pulled([], [], cursor.position, cursor.given)
        began = self._clock.monotonic()
        while True:
            fresh = await self._read(pulled)
            passed = self._clock.monotonic() - began
            if fresh and (enough(fresh) or len(pulled.trades) >= MOST_READ):
                pulled.complete = "full"
                return pulled
            if not fresh and not pulled.feed.live:
                pulled.complete = "feed_down"
                return pulled
            if passed >= seconds:
                return pulled
            if not fresh:
                await progress(passed, len(pulled.trades))
                await self._log.wait(*self._stream[:2], min(_WAIT_S, seconds - passed))

    async def _read(self, pulled: Pulled) -> list[TradeEvent]:
        """Add the next page of the log; return what is new."""
        pulled.feed = await feed_state(self._log, self._stream, self._clock.now())
        read = await read_on(self._log, self._stream, pulled.at)
        held = not pulled.at or read.whole(self._clock.now() - self._hot_ns)
        pulled.whole = pulled.whole and held
        fresh = _take(pulled, read)
        newest = read.records[-1] if read.records else read.anchor
        if newest is not None:
            pulled.at, pulled.given = newest.position, len(newest.events)
        return fresh

    async def _check(self, cursor: TapeCursor) -> None:
        if cursor.epoch != await self._log.epoch():
            msg = "the cursor belongs to a log that is gone; begin without one"
            raise BadCursorError(msg)
        read = await read_on(self._log, self._stream, cursor.position)
        anchor = read.anchor
        behind = anchor is None and cursor.position and not read.records
        if behind or (anchor is not None and cursor.given > len(anchor.events)):
            msg = "the cursor lies ahead of the log; begin without one"
            raise BadCursorError(msg)


def _take(pulled: Pulled, read: Read) -> list[TradeEvent]:
    """Add what was read behind the trades of the anchor that were given; return what is new."""
    anchor = [(read.anchor, pulled.given)] if read.anchor else []
    fresh: list[TradeEvent] = []
    for record, begin in (*anchor, *((record, 0) for record in read.records)):
        for number in range(begin, len(record.events)):
            event = record.events[number]
            if isinstance(event, TradeEvent):
                fresh.append(event)
                pulled.places.append((record.position, number))
    pulled.trades += fresh
    return fresh
