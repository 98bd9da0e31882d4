"""Cuts the time of one market into seconds and minutes, empty ones too.

After an hour without a trade or a book change the empty seconds that follow are not told one by
one, nor the minutes that they fill: the next second that is told says how many they were. Facts and
arrivals do not end such a rest.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.values import NS_PER_S, Side, Timeframe
from cloud_marketdata.processing.flow.moments import Cluster, Quote, Second

MOST_EMPTY: Final = 3_600
MINUTE: Final = Timeframe.M1.ns
_BUY: Final = Side.BUY


class Seconds(Struct):
    """The second that is open, counted on the grid of the scene. `start` is -1 before the first."""

    start: int = -1
    open: int | None = None
    high: int = 0
    low: int = 0
    close: int = 0
    buy: int = 0
    sell: int = 0
    buy_quote: int = 0
    sell_quote: int = 0
    clusters: int = 0
    trades: int = 0
    first_id: int | str | None = None
    last_id: int | str | None = None
    book_changes: int = 0
    quote_before: Quote | None = None
    skipped: int = 0
    empty: int = 0

    def begin(self, time: int) -> None:
        """Begin with the second of the first event."""
        self.start = time - time % NS_PER_S

    @property
    def end(self) -> int:
        """When the open second is over."""
        return self.start + NS_PER_S

    @property
    def resting(self) -> bool:
        """Whether it has been empty for so long that only a trade or a book change goes on."""
        still = not (self.clusters or self.book_changes)
        return still and self.empty >= MOST_EMPTY and self.start % MINUTE == 0

    def wake(self, time: int) -> None:
        """Leave out the minutes before the one of `time`, where a rest comes to its end."""
        missed = (time - time % MINUTE - self.start) // NS_PER_S
        if missed > 0:
            self.skipped += missed
            self.start += missed * NS_PER_S
        self.empty = 0

    def ended(self, time: int, quote: Quote | None) -> Iterator[Second]:
        """Yield every second that is over at `time`; `quote` is the touch, as it has been since.

        Its user may tell a minute between two of them. It stops where the market has been resting.
        """
        while self.end <= time and not self.resting:
            yield self._close(quote)

    def trade(self, cluster: Cluster) -> None:
        """Take a taker order of the open second."""
        prices, lots = cluster.prices, cluster.lots
        price = prices[0][0]
        if self.open is None:
            self.open = self.high = self.low = price
            self.first_id = cluster.first_id
        for price, _ in prices:
            if price > self.high:
                self.high = price
            elif price < self.low:
                self.low = price
        self.close = price
        if cluster.side is _BUY:
            self.buy += lots
            self.buy_quote += cluster.quote
        else:
            self.sell += lots
            self.sell_quote += cluster.quote
        self.clusters += 1
        self.trades += cluster.trades
        self.last_id = cluster.last_id

    def rescale(self, tick: int, lot: int) -> None:
        """Count in finer ticks and lots from here on."""
        if self.open is not None:
            self.open *= tick
            self.high, self.low, self.close = self.high * tick, self.low * tick, self.close * tick
        self.buy, self.sell = self.buy * lot, self.sell * lot
        self.buy_quote, self.sell_quote = self.buy_quote * tick * lot, self.sell_quote * tick * lot
        self.quote_before = finer(self.quote_before, tick, lot)

    def _close(self, quote: Quote | None) -> Second:
        traded = self.open is not None
        over = Second(
            self.start,
            self.open,
            self.high if traded else None,
            self.low if traded else None,
            self.close if traded else None,
            self.buy,
            self.sell,
            self.buy_quote,
            self.sell_quote,
            self.clusters,
            self.trades,
            self.first_id,
            self.last_id,
            self.book_changes,
            self.quote_before,
            quote,
            self.skipped,
        )
        self.empty = 0 if traded or self.book_changes else self.empty + 1
        self._clear()
        self.start += NS_PER_S
        self.quote_before = quote
        return over

    def _clear(self) -> None:
        self.open = self.first_id = self.last_id = None
        self.high = self.low = self.close = self.buy = self.sell = 0
        self.buy_quote = self.sell_quote = self.clusters = self.trades = 0
        self.book_changes = self.skipped = 0


def finer(quote: Quote | None, tick: int, lot: int) -> Quote | None:
    """Return the same touch counted in finer ticks and lots."""
    if quote is None:
        return None
    return Quote(
        quote.time, quote.bid * tick, quote.bid_size * lot, quote.ask * tick, quote.ask_size * lot
    )
