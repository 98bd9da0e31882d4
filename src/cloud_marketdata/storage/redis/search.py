"""Finds the entries of a stream whose times touch a range, by the index of times alone.

The index is sorted by class of width, then by first time: in the class c no entry is as wide as
2**c ns, so what may touch a range lies in one short piece of each class, however wide the entries
of others are. The pieces are read page by page and merged in the order that was asked for.
"""

from typing import Final, NamedTuple

from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.server import Command
from cloud_marketdata.storage.redis.spans import Span, bound
from cloud_marketdata.storage.timed import Mark

_CLASSES: Final = b"""
local found, from = {}, '-'
while true do
  local member = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', 0, 1)[1]
  if not member then return found end
  local class = string.byte(member)
  table.insert(found, class)
  from = '[' .. string.char(class + 1)
end
"""
_LEAST_PAGE: Final = 16


class Page(NamedTuple):
    """What `TimedLog.overlapping` is asked for."""

    start: int
    end: int
    limit: int
    newest: bool
    after: Mark | None

    def rank(self, span: Span) -> Mark:
        """Return what sorts spans into the order that was asked for."""
        if self.newest:
            return -span.last, -span.position
        return span.first, span.position

    def holds(self, span: Span) -> bool:
        """Whether the span touches the range and lies behind the mark."""
        if span.first >= self.end or span.last < self.start:
            return False
        if self.after is None:
            return True
        time, position = self.after
        return self.rank(span) > ((-time, -position) if self.newest else self.after)


class Piece:
    """The piece of one class that may hold what is asked for, read from its near end.

    horizon: no span that has not been read comes before it; None once all have been read.
    """

    def __init__(self, key: str, wide: int, page: Page) -> None:
        self.horizon: Mark | None = (-(1 << 65), 0)
        self._key = key
        self._wide = wide
        self._page = page
        self._low, self._high = b"[" + bound(wide, page.start - (1 << wide)), self._end()
        if page.after is not None and not page.newest:
            self._low = max(self._low, b"[" + bound(wide, page.after[0], page.after[1] + 1))

    def _end(self) -> bytes:
        page = self._page
        end = page.end if page.after is None or not page.newest else page.after[0] + 1
        return b"(" + bound(self._wide, min(page.end, end))

    def command(self, count: int) -> Command:
        """Return what reads the next `count` members."""
        if self._page.newest:
            return "ZREVRANGEBYLEX", self._key, self._high, self._low, "LIMIT", 0, count
        return "ZRANGEBYLEX", self._key, self._low, self._high, "LIMIT", 0, count

    def take(self, members: list[bytes], count: int) -> list[Span]:
        """Note what `command` has read and return it."""
        spans = [Span.of(member) for member in members]
        if len(members) < count:
            self.horizon = None
        elif self._page.newest:
            self._high = b"(" + members[-1]
            self.horizon = -(spans[-1].first + (1 << self._wide)), 0
        else:
            self._low = b"(" + members[-1]
            self.horizon = self._page.rank(spans[-1])
        return spans


async def touching(client: Client, keys: Keys, stream: Stream, page: Page) -> list[Span]:
    """Return the spans of a page in the order of `TimedLog.overlapping`."""
    key = keys.times(stream)
    classes = await client.ask(key, "EVAL", _CLASSES, 1, key)
    pieces = [Piece(key, wide, page) for wide in classes]
    found: list[Span] = []
    count = max(page.limit, _LEAST_PAGE)
    while open_pieces := [piece for piece in pieces if piece.horizon is not None]:
        replies = await client.ask_all(key, [piece.command(count) for piece in open_pieces])
        for piece, members in zip(open_pieces, replies, strict=True):
            found += filter(page.holds, piece.take(members, count))
        horizon = min((p.horizon for p in open_pieces if p.horizon is not None), default=None)
        if horizon is not None:
            sure = sum(page.rank(span) <= horizon for span in found)
            if sure >= page.limit:
                break
        count *= 2
    return sorted(found, key=page.rank)[: page.limit]
