"""The way of a venue's frames to its listener, and what may happen to them there.

The post stamps events with the venue's clock, writes them down and hands them over with the time
they arrive. It can run the clock wrong, lose frames, repeat them, or keep them all back for a
while. Frames arrive in the order they were sent. What was lost is lost to whoever plays the venue
too, so the whole book follows, once the hole can be noticed.
"""

from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Final

from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.simulator.capture import Frame
from cloud_marketdata.simulator.market import MarketEvent
from cloud_marketdata.simulator.synthetic import Scribe

QUICKEST_MS: Final = 15
SPREAD_MS: Final = 20
REMEMBERED: Final = 50
_DEPTH: Final = (b"@depth", b'"orderbook.')
_TRADE: Final = (b"@trade", b'"publicTrade.')
_HEAD: Final = 60


class Post:
    """`skew` ns are added to the venue's stamps; `keep_until` is when the next frame may arrive."""

    def __init__(self, scribe: Scribe, random: Random) -> None:
        self.skew = 0
        self.keep_until = 0
        self.losing = 0
        self._scribe = scribe
        self._random = random
        self._arrived = 0
        self._recent: deque[bytes] = deque(maxlen=REMEMBERED)
        self._again = 0
        self._hole = False

    def opening(self, time: int) -> Iterator[Frame]:
        """Write the whole book."""
        for payload in self._scribe.opening():
            yield Frame(self._arrival(time), payload)

    def deliver(self, event: MarketEvent) -> Iterator[Frame]:
        """Write one event; what is lost is not there, what is repeated comes after it."""
        stamped = event._replace(time=event.time + self.skew)
        mended = False
        for payload in self._scribe.frames(stamped):
            head = payload[:_HEAD]
            if (self.losing or self._hole) and any(sign in head for sign in _DEPTH):
                mended = not self.losing
                self._hole = not mended
                if not mended:
                    self.losing -= 1
                    continue
            if any(sign in head for sign in _TRADE):
                self._recent.append(payload)
            yield Frame(self._arrival(event.time), payload)
        if mended:
            yield from self.opening(event.time)
        while self._again:
            self._again -= 1
            yield Frame(self._arrival(event.time), self._recent[-1 - self._again])

    def lose_depth(self, frames: int) -> None:
        """Lose the next frames of the book."""
        self.losing = frames

    def repeat_trades(self, frames: int) -> int:
        """Send the latest trade frames again; return how many there are."""
        self._again = min(frames, len(self._recent))
        return self._again

    def _arrival(self, time: int) -> int:
        delay = (QUICKEST_MS + self._random.randrange(SPREAD_MS)) * NS_PER_MS
        self._arrived = max(time + delay, self._arrived, self.keep_until)
        return self._arrived
