"""Pages of a tape by keyset: never an offset, so trades that arrive between two pages move nothing.

The key is (match time, sequence). Without an end the tape goes on, and the cursor of the newest
page is where a poller continues.
"""

from msgspec import Struct

from cloud_marketdata.api.cursors import Cursor
from cloud_marketdata.api.questions import TradesQuestion
from cloud_marketdata.api.times import END_OF_TIME, TimeRange, asked_range, parse_time
from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.values import NS_PER_MS, Venue
from cloud_marketdata.storage.ports import TradeRepository


class Place(Struct, frozen=True):
    """Where a page is looked for.

    start: first match time, or None for the newest trades. end: None where the tape goes on.
    after: key of the last trade already given.
    """

    start: int | None
    end: int | None
    after: tuple[int, int] | None = None

    @classmethod
    def of(cls, question: TradesQuestion, cursor: Cursor | None, now: int) -> "Place":
        """Read it from a cursor, or from the question's times; raises BadTimeError."""
        if cursor is not None:
            return cls(cursor.time, cursor.end, (cursor.time, cursor.sequence))
        if question.start is None:
            end = None if question.end is None else parse_time(question.end, "end")
            return cls(None, end)
        asked = asked_range(question.start, question.end, now)
        return cls(asked.start, None if question.end is None else asked.end)


class Page(Struct, frozen=True):
    """Trades of one page, ascending, and the known ones next to it, at most one on each side."""

    place: Place
    trades: list[TradeEvent]
    beside: list[TradeEvent]
    more: bool

    def next(self, question: str) -> Cursor | None:
        """Return where to go on, or None at the end of a range that has one."""
        place = self.place
        if place.end is not None and not self.more:
            return None
        last = (self.trades[-1].exchange_time, self.trades[-1].sequence) if self.trades else None
        key = last or place.after
        return Cursor(question, place.end, *key) if key else None

    def range(self, now: int) -> TimeRange | None:
        """Return the range that this page answers, or None without any trade or time."""
        start = self.place.start
        if start is None:
            if not self.trades:
                return None
            start = self.trades[0].exchange_time
        end = now if self.place.end is None else self.place.end
        if self.more:
            end = self.trades[-1].exchange_time + NS_PER_MS
        return TimeRange(start, max(start, end))


async def read_page(
    trades: TradeRepository, at: tuple[Venue, str], place: Place, limit: int
) -> Page:
    """Read at most `limit` trades at a place: the first ones, or the newest without a start."""
    end = END_OF_TIME if place.end is None else place.end
    if place.start is None:
        newest = await trades.find_by_range(*at, 0, end, limit=limit, newest=True)
        return Page(place, newest, await _next(trades, at, place.end), more=False)
    given, found = await _after(trades, at, TimeRange(place.start, end), place.after, limit + 1)
    more = len(found) > limit
    if place.after is None:
        given = await trades.find_by_range(*at, 0, place.start, limit=1, newest=True)
    following = found[limit:] or await _next(trades, at, place.end)
    return Page(place, found[:limit], [*given[-1:], *following], more)


async def _after(
    trades: TradeRepository,
    at: tuple[Venue, str],
    within: TimeRange,
    after: tuple[int, int] | None,
    count: int,
) -> tuple[list[TradeEvent], list[TradeEvent]]:
    """Return the trades up to a key, and the first `count` behind it.

    Many trades may share the key's match time.
    """
    asked = count
    while True:
        found = await trades.find_by_range(*at, *within, limit=asked)
        fresh = [t for t in found if after is None or (t.exchange_time, t.sequence) > after]
        if len(fresh) >= count or len(found) < asked:
            return found[: len(found) - len(fresh)], fresh[:count]
        asked *= 2


async def _next(
    trades: TradeRepository, at: tuple[Venue, str], end: int | None
) -> list[TradeEvent]:
    if end is None:
        return []
    return await trades.find_by_range(*at, end, END_OF_TIME, limit=1)
