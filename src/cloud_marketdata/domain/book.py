"""An order book that absorbs snapshots and deltas and keeps both sides sorted."""

from bisect import bisect_left, insort
from collections.abc import Iterable

from cloud_marketdata.domain.events import BookDelta, BookSnapshot, Level
from cloud_marketdata.domain.instrument import Instrument


class BookSide:
    """Sizes by price, and the prices in ascending order.

    Most updates change the size of a known price, which touches the dictionary alone; only a new
    or a vanished price moves the sorted list.
    """

    __slots__ = ("prices", "sizes")

    def __init__(self, levels: Iterable[Level] = ()) -> None:
        self.sizes: dict[int, int] = {price: size for price, size in levels if size}
        self.prices: list[int] = sorted(self.sizes)

    def apply(self, levels: Iterable[Level]) -> None:
        """Set absolute sizes; removing a price that is not there is ordinary."""
        sizes, prices = self.sizes, self.prices
        for price, size in levels:
            if size:
                if price not in sizes:
                    insort(prices, price)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]

    def rescaled(self, tick_factor: int, lot_factor: int) -> "BookSide":
        """Return the same side counted in finer ticks and lots."""
        return BookSide((p * tick_factor, s * lot_factor) for p, s in self.sizes.items())


class OrderBook:
    """One instrument's book as the venue last described it.

    `update_id` is the venue's id of the last change inside; whether the next one may be applied is
    decided by `collectors.sequence`, never here.
    """

    __slots__ = ("asks", "bids", "exchange_time", "instrument", "received_at", "update_id")

    def __init__(self, snapshot: BookSnapshot) -> None:
        self.instrument: Instrument = snapshot.instrument
        self.bids = BookSide(snapshot.bids)
        self.asks = BookSide(snapshot.asks)
        self.update_id = snapshot.update_id
        self.exchange_time = snapshot.exchange_time
        self.received_at = snapshot.received_at

    def apply(self, delta: BookDelta) -> None:
        """Absorb a delta whose continuity has been checked."""
        bids, asks = delta.bids, delta.asks
        if delta.instrument.scale != self.instrument.scale:
            bids, asks = self._meet(delta.instrument, bids, asks)
        self.bids.apply(bids)
        self.asks.apply(asks)
        self.update_id = delta.last_id
        self.exchange_time = delta.exchange_time
        self.received_at = delta.received_at

    def best_bid(self) -> Level | None:
        """Highest bid, or None on an empty side."""
        prices = self.bids.prices
        return (prices[-1], self.bids.sizes[prices[-1]]) if prices else None

    def best_ask(self) -> Level | None:
        """Lowest ask, or None on an empty side."""
        prices = self.asks.prices
        return (prices[0], self.asks.sizes[prices[0]]) if prices else None

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        bids, asks = self.bids.prices, self.asks.prices
        return bool(bids and asks and bids[-1] >= asks[0])

    def top(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return the best `levels` bids (descending) and asks (ascending)."""
        bids, asks = self.bids, self.asks
        return (
            tuple((p, bids.sizes[p]) for p in reversed(bids.prices[-levels:])),
            tuple((p, asks.sizes[p]) for p in asks.prices[:levels]),
        )

    def _meet(
        self, other: Instrument, bids: tuple[Level, ...], asks: tuple[Level, ...]
    ) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        scale = self.instrument.scale.meet(other.scale)
        ours, theirs = self.instrument.scale.factors(scale), other.scale.factors(scale)
        self.bids, self.asks = self.bids.rescaled(*ours), self.asks.rescaled(*ours)
        self.instrument = Instrument(
            other.venue,
            other.symbol,
            scale,
            max(self.instrument.scale_version, other.scale_version),
        )
        return (
            tuple((p * theirs[0], s * theirs[1]) for p, s in bids),
            tuple((p * theirs[0], s * theirs[1]) for p, s in asks),
        )
