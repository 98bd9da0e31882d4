"""Prices that took by chance what planted ones take: much in ten seconds, more than they showed.

A visit is what one side's takers trade at one price without ten quiet seconds between. Its amount
is the most that any ten seconds of it saw. Whether the price held afterwards is not asked: whoever
tells of it says something true about what it took.
"""

from bisect import insort
from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.simulator.labelled.truth import Truth, Zone
from cloud_marketdata.simulator.market import Fill, MarketEvent

WINDOW: Final = 10 * NS_PER_S
LEAST_KNOWN: Final = 1_000
ONE_IN: Final = 200
# What a detector measures by sketches and once a minute may be off by some hundredths.
NEARLY: Final = 0.93
REFILLED: Final = 1.4


class Visit(Struct):
    """Hits as (time, lots) of the last ten seconds, the most they summed to, the most shown."""

    shown: int
    hits: deque[tuple[int, int]] = field(default_factory=deque)
    lots: int = 0
    most: int = 0
    told: bool = False

    def hit(self, time: int, lots: int) -> None:
        """Take a fill."""
        while self.hits and self.hits[0][0] <= time - WINDOW:
            self.lots -= self.hits.popleft()[1]
        self.hits.append((time, lots))
        self.lots += lots
        self.most = max(self.most, self.lots)


class Visits:
    """Is told every event; yields a truth when a price has taken a large amount."""

    def __init__(self) -> None:
        self._open: dict[tuple[bool, int], Visit] = {}
        self._amounts: list[int] = []
        self._swept = 0

    def event(self, time: int, event: MarketEvent) -> Iterator[Truth]:
        """Take what happened at a time, as the venue stamps it."""
        for fill in event.fills:
            yield from self._hit(time, fill, event)
        for buy, changes in ((True, event.asks), (False, event.bids)):
            for price, lots in changes.items():
                visit = self._open.get((buy, price))
                if visit and lots > visit.shown:
                    visit.shown = lots
        if abs(time - self._swept) >= NS_PER_S:
            self._swept = time
            self._leave(time)

    def _hit(self, time: int, fill: Fill, event: MarketEvent) -> Iterator[Truth]:
        key = (fill.buy, fill.price)
        visit = self._open.get(key)
        if visit is None:
            left = (event.asks if fill.buy else event.bids).get(fill.price, 0)
            visit = self._open[key] = Visit(left + fill.size)
        visit.hit(time, fill.size)
        known = len(self._amounts)
        if visit.told or known < LEAST_KNOWN or visit.lots < REFILLED * visit.shown:
            return
        if visit.lots * fill.price >= NEARLY * self._amounts[known - known // ONE_IN - 1]:
            visit.told = True
            zone = Zone(fill.price, fill.price, visit.lots)
            side = Side.BUY if fill.buy else Side.SELL
            start, end = visit.hits[0][0], time + WINDOW
            kind = SignalKind.ABSORPTION
            yield Truth(kind, "by chance", start, end, side, zone, natural=True)

    def _leave(self, time: int) -> None:
        """End the visits that saw nothing for so long; their amounts are known from then on."""
        over = [key for key, visit in self._open.items() if visit.hits[-1][0] <= time - WINDOW]
        for key in over:
            insort(self._amounts, self._open.pop(key).most * key[1])
