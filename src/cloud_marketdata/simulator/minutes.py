"""A venue's own one-minute bars, made of the trades that it has sent so far.

Binance opens a bar at its first trade, and tells a minute without trades as a flat row at the close
before. Bybit opens a bar at the close before, which then counts as high or low too.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

MINUTE_MS: Final = 60_000
KEPT: Final = 3_000
ZERO: Final = Decimal(0)


class MinuteBar(Struct):
    """One minute by its start in ms; `count` are fills, the last two are what takers bought."""

    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    count: int = 0
    taker_buy_volume: Decimal = ZERO
    taker_buy_quote_volume: Decimal = ZERO

    def add(self, price: Decimal, size: Decimal, fills: int, *, buy: bool) -> None:
        """Count one trade, the newest so far."""
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.close = price
        self.volume += size
        self.quote_volume += price * size
        self.count += fills
        if buy:
            self.taker_buy_volume += size
            self.taker_buy_quote_volume += price * size


class Minutes:
    """The bars of one symbol. `opens_at_close`: whether a bar opens where the one before closed."""

    def __init__(self, *, opens_at_close: bool) -> None:
        self._opens_at_close = opens_at_close
        self._bars: dict[int, MinuteBar] = {}

    def add(self, price: str, size: str, time_ms: int, fills: int, *, buy: bool) -> None:
        """Count one trade; one whose numbers cannot be read counts for nothing."""
        try:
            at, lots = Decimal(price), Decimal(size)
        except ArithmeticError:
            return
        start = time_ms - time_ms % MINUTE_MS
        bar = self._bars.get(start)
        if bar is None:
            bar = self._bars[start] = MinuteBar(start, at, at, at, at)
            if len(self._bars) > KEPT:
                del self._bars[min(self._bars)]
        bar.add(at, lots, fills, buy=buy)

    def between(self, start: int | None, end: int | None, limit: int) -> list[MinuteBar]:
        """Return the bars that start from `start` to `end` ms, both included, ascending.

        Without a start the last ones. The newest is the one that is still forming.
        """
        found = [
            bar
            for bar in self._drawn()
            if (start is None or start <= bar.start) and (end is None or bar.start <= end)
        ]
        return found[-limit:] if start is None else found[:limit]

    def _drawn(self) -> Iterator[MinuteBar]:
        """Yield every minute from the first trade's on as the venue draws it."""
        if not self._bars:
            return
        close: Decimal | None = None
        for start in range(min(self._bars), max(self._bars) + 1, MINUTE_MS):
            bar = self._bars.get(start)
            if bar is None:
                # The first minute has a bar, so there is a close by now.
                flat = close or ZERO
                bar = MinuteBar(start, flat, flat, flat, flat)
            elif self._opens_at_close and close is not None:
                high, low = max(bar.high, close), min(bar.low, close)
                bar = replace(bar, open=close, high=high, low=low)
            close = bar.close
            yield bar
