"""What happens without being planted: taker orders and minutes that are what a kind's words name.

An observer of the tape with exact means: all orders of a day sorted, all trades of a minute summed.
Without it a signal about a true event that nobody planted would be called false.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.signal import SignalKind
from cloud_marketdata.domain.values import NS_PER_S, Side
from cloud_marketdata.simulator.labelled.truth import Truth, Zone
from cloud_marketdata.simulator.market import Fill

MINUTE: Final = 60 * NS_PER_S
DAY: Final = 86_400 * NS_PER_S
LEAST_KNOWN: Final = 1_000
# A detector's quantile may be off by a hundredth and a minute old; what is near it counts as well.
NEARLY: Final = 95
SWEPT: Final = 5
FAR_SWEPT: Final = (
    10_000  # an order among the largest hundredth sweeps by one part of so many: 1 bp
)
BARS: Final = 20


class Chance:
    """Is told every taker order and yields what it was, and what the minute before it was."""

    def __init__(self) -> None:
        self._orders = Orders()
        self._minute: Minute | None = None
        self._bars: deque[Minute] = deque(maxlen=BARS)
        self._cvd = 0

    def order(self, time: int, fills: list[Fill]) -> Iterator[Truth]:
        """Take the fills of one taker order."""
        start = time - time % MINUTE
        if self._minute is None or start > self._minute.start:
            yield from self._close()
            self._minute = Minute(start, fills[0].price, self._cvd)
        self._minute.add(fills)
        prices = [fill.price for fill in fills]
        hundredth, thousandth = self._orders.among_largest(time, fills, (100, 1_000))
        far = abs(prices[-1] - prices[0]) * FAR_SWEPT >= prices[0] and hundredth
        kinds = [SignalKind.SWEEP] if far or len(set(prices)) >= SWEPT else []
        kinds += [SignalKind.LARGE_TRADE] if thousandth else []
        side = Side.BUY if fills[0].buy else Side.SELL
        zone = Zone(min(prices), max(prices), sum(fill.size for fill in fills))
        ids = fills[0].id, fills[-1].id
        for kind in kinds:
            yield Truth(kind, "by chance", time, time, side, zone, *ids, natural=True)

    def _close(self) -> Iterator[Truth]:
        minute = self._minute
        if minute is None:
            return
        self._cvd = minute.cvd + minute.delta
        if minute.diverges or any(minute.leaves_behind(self._bars, up=up) for up in (True, False)):
            end = minute.start + MINUTE
            kind = SignalKind.DIVERGENCE
            yield Truth(kind, "by chance", minute.start, end, natural=True)
        self._bars.append(minute)


class Minute(Struct):
    """The bar of a minute in ticks and lots; `cvd` is the sum of all deltas before it."""

    start: int
    open: int
    cvd: int
    close: int = 0
    high: int = 0
    low: int = 1 << 62
    delta: int = 0

    def add(self, fills: list[Fill]) -> None:
        """Take an order."""
        for fill in fills:
            self.high, self.low = max(self.high, fill.price), min(self.low, fill.price)
            self.delta += fill.size if fill.buy else -fill.size
        self.close = fills[-1].price

    @property
    def diverges(self) -> bool:
        """Whether the price went one way and the takers another."""
        return (self.close - self.open) * self.delta < 0

    def leaves_behind(self, bars: deque["Minute"], *, up: bool) -> bool:
        """Whether it made a new extreme that the sum of deltas does not follow."""
        if len(bars) < BARS:
            return False
        sign = 1 if up else -1
        best = max(reversed(bars), key=lambda bar: sign * (bar.high if up else bar.low))
        beyond = sign * ((self.high - best.high) if up else (self.low - best.low)) > 0
        return beyond and sign * (self.cvd + self.delta - best.cvd - best.delta) < 0


class Orders:
    """The quote amounts of the taker orders of the last day, sorted."""

    def __init__(self) -> None:
        self._sorted: list[int] = []
        self._recent: deque[tuple[int, int]] = deque()

    def among_largest(
        self, time: int, fills: list[Fill], parts: tuple[int, ...]
    ) -> tuple[bool, ...]:
        """Whether fewer than one in so many of those before was larger, or nearly so."""
        amount = sum(fill.price * fill.size for fill in fills)
        while self._recent and self._recent[0][0] < time - DAY:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft()[1])]
        held = self._sorted
        ranks = [len(held) - len(held) // part - 1 for part in parts]
        known = len(held) >= LEAST_KNOWN
        among = tuple(known and amount * 100 >= held[rank] * NEARLY for rank in ranks)
        insort(held, amount)
        self._recent.append((time, amount))
        return among
