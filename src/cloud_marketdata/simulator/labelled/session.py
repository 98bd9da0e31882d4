"""One venue's trading session: processes that wake up at their times and act on the led market.

A process is a generator that acts and yields how many ns it wants to sleep. All that one of them
does at a moment is one event of the venue, and no two events have the same millisecond, so that
each taker order is told apart from the next. When the session halts, all of them sleep longer.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random

from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.simulator.labelled.market import LedMarket
from cloud_marketdata.simulator.labelled.post import Post
from cloud_marketdata.simulator.labelled.truth import Truth
from cloud_marketdata.simulator.market import MarketEvent

Process = Iterator[int]


class Session:
    """The market, its post and its mood; `truths` fills up as planted events end.

    activity: how busy takers and makers are, 1 is usual. pinned: the fair price stands still.
    idle: makers place nothing new. takers_out: the crowd's takers send nothing. offset: strides by
    which the price here is away from the news.
    """

    def __init__(self, market: LedMarket, post: Post, random: Random) -> None:
        self.market = market
        self.post = post
        self.random = random
        self.truths: list[Truth] = []
        self.activity = 1.0
        self.pinned = False
        self.idle = False
        self.takers_out = False
        self.offset = 0
        self._halted = 0
        self._numbers = count()
        self._asleep: list[tuple[int, int, Process]] = []

    @property
    def now(self) -> int:
        """The present time as the venue stamps it."""
        return self.market.time + self.post.skew

    def begin(self, process: Process, after: int = 0) -> None:
        """Wake a process in so many ns, and from then on whenever it wants."""
        self._sleep(process, self.market.time - self._halted + after)

    def halt(self, ns: int) -> None:
        """Let nothing happen at all for so long, from the next sleep of the caller on."""
        self._halted += ns

    def events(self) -> Iterator[MarketEvent]:
        """Yield what happens, until no process wants to wake up any more."""
        market = self.market
        while self._asleep:
            wake, _, process = heappop(self._asleep)
            market.time = max(market.time, _whole_ms(wake + self._halted))
            asleep_from = market.time - self._halted
            wait = next(process, None)
            event = market.told(market.time)
            if event is not None:
                yield event
                market.time += NS_PER_MS
            if wait is not None:
                self._sleep(process, asleep_from + wait)

    def _sleep(self, process: Process, wake: int) -> None:
        heappush(self._asleep, (wake, next(self._numbers), process))


def _whole_ms(time: int) -> int:
    """Return the next time that a venue, which stamps milliseconds, can tell."""
    return -(-time // NS_PER_MS) * NS_PER_MS
