"""Chooses positions: the time of the appender's clock, but always above what is known.

It asks nobody, so entries can be stamped while Redis is away. Where a clock was set back, or that
of another appender is ahead, the log refuses a position and says where it stands; that is
remembered here.
"""

from typing import Final

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.redis.spans import position_at

_NS_PER_MS: Final = 1_000_000


class Positions:
    """Positions of one appender, strictly growing in each stream and all above `above`."""

    def __init__(self, clock: Clock, above: int) -> None:
        self._clock = clock
        self._above = above
        self._known: dict[Stream, int] = {}

    def next(self, stream: Stream) -> int:
        """Return a position that this appender has not given away in the stream."""
        now = position_at(self._clock.now() // _NS_PER_MS)
        position = max(now, 1 + self._known.get(stream, self._above))
        self._known[stream] = position
        return position

    def taken(self, stream: Stream, position: int) -> None:
        """Note that the stream has reached the position."""
        self._known[stream] = max(position, self._known.get(stream, self._above))
