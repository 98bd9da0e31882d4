"""An order book that absorbs snapshots and deltas and keeps both sides sorted.

It also keeps how far it knows each side: a snapshot of limited depth says nothing of the levels
beyond its last one, and what changes out there later is an island in the unknown. Those levels are
kept and never told.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable

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

    def within(self, low: int | None, high: int | None) -> dict[int, int]:
        """Sizes of the prices from `low` to `high`, both included; None is no bound."""
        prices = self.prices
        start = 0 if low is None else bisect_left(prices, low)
        end = len(prices) if high is None else bisect_right(prices, high)
        return {price: self.sizes[price] for price in prices[start:end]}

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
    decided by `collectors.lanes.sequence`, never here.

    levels_asked: the most levels a side that the snapshot could have had; None where it is whole.
    `known_bid` and `known_ask` are the lowest bid and the highest ask in ticks up to which a side
    is known without a hole; None where the whole side is, because it was shorter than asked for.
    """

    __slots__ = (
        "asks",
        "bids",
        "exchange_time",
        "instrument",
        "known_ask",
        "known_bid",
        "received_at",
        "update_id",
    )

    def __init__(self, snapshot: BookSnapshot, levels_asked: int | None = None) -> None:
        self.instrument: Instrument = snapshot.instrument
        self.bids = BookSide(snapshot.bids)
        self.asks = BookSide(snapshot.asks)
        self.update_id = snapshot.update_id
        self.exchange_time = snapshot.exchange_time
        self.received_at = snapshot.received_at
        bids, asks = snapshot.bids, snapshot.asks
        self.known_bid = min(bids)[0] if _is_cut(bids, levels_asked) else None
        self.known_ask = max(asks)[0] if _is_cut(asks, levels_asked) else None

    def apply(self, delta: BookDelta) -> None:
        """Absorb a delta whose continuity has been checked."""
        bids, asks = delta.bids, delta.asks
        if delta.instrument.scale != self.instrument.scale:
            self.meet(delta.instrument)
            factors = delta.instrument.scale.factors(self.instrument.scale)
            bids, asks = _moved(bids, *factors), _moved(asks, *factors)
        self.bids.apply(bids)
        self.asks.apply(asks)
        self.update_id = delta.last_id
        self.exchange_time = delta.exchange_time
        self.received_at = delta.received_at

    def snapshot(self) -> BookSnapshot:
        """Return the whole book as an event."""
        bids, asks = self.top(max(len(self.bids.prices), len(self.asks.prices), 1))
        return BookSnapshot(
            self.instrument, self.update_id, bids, asks, self.exchange_time, self.received_at
        )

    def best_bid(self) -> Level | None:
        """Highest bid, or None on an empty side; `knows(1)` says whether a better one may exist."""
        prices = self.bids.prices
        return (prices[-1], self.bids.sizes[prices[-1]]) if prices else None

    def best_ask(self) -> Level | None:
        """Lowest ask, or None on an empty side; `knows(1)` says whether a better one may exist."""
        prices = self.asks.prices
        return (prices[0], self.asks.sizes[prices[0]]) if prices else None

    def knows(self, levels: int) -> bool:
        """Whether the best `levels` of both sides are known; only a new snapshot can mend that."""
        bids, asks = self.bids.prices, self.asks.prices
        return (
            self.known_bid is None or (len(bids) >= levels and bids[-levels] >= self.known_bid)
        ) and (
            self.known_ask is None or (len(asks) >= levels and asks[levels - 1] <= self.known_ask)
        )

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        bids, asks = self.bids.prices, self.asks.prices
        return bool(bids and asks and bids[-1] >= asks[0])

    def top(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return the best `levels` bids (descending) and asks (ascending) that are known."""
        bids, asks = self.bids, self.asks
        best_bids, best_asks = bids.prices[-levels:], asks.prices[:levels]
        if self.known_bid is not None and best_bids and best_bids[0] < self.known_bid:
            best_bids = best_bids[bisect_left(best_bids, self.known_bid) :]
        if self.known_ask is not None and best_asks and best_asks[-1] > self.known_ask:
            best_asks = best_asks[: bisect_right(best_asks, self.known_ask)]
        return (
            tuple((p, bids.sizes[p]) for p in reversed(best_bids)),
            tuple((p, asks.sizes[p]) for p in best_asks),
        )

    def agrees(self, other: "OrderBook") -> bool:
        """Whether both hold the same levels wherever both know them.

        They are of one symbol and one update id; both move to the grid they have in common.
        """
        self.meet(other.instrument)
        other.meet(self.instrument)
        low = _both_know(max, self.known_bid, other.known_bid)
        high = _both_know(min, self.known_ask, other.known_ask)
        same_bids = self.bids.within(low, None) == other.bids.within(low, None)
        return same_bids and self.asks.within(None, high) == other.asks.within(None, high)

    def meet(self, other: Instrument) -> None:
        """Count on the coarsest grid that holds both; it is ours already in all but rare cases."""
        if other.scale == self.instrument.scale:
            return
        scale = self.instrument.scale.meet(other.scale)
        tick, lot = self.instrument.scale.factors(scale)
        self.bids, self.asks = self.bids.rescaled(tick, lot), self.asks.rescaled(tick, lot)
        self.known_bid = self.known_bid and self.known_bid * tick
        self.known_ask = self.known_ask and self.known_ask * tick
        version = max(self.instrument.scale_version, other.scale_version)
        self.instrument = Instrument(other.venue, other.symbol, scale, version)


def _moved(levels: tuple[Level, ...], tick_factor: int, lot_factor: int) -> tuple[Level, ...]:
    return tuple((price * tick_factor, size * lot_factor) for price, size in levels)


def _is_cut(levels: tuple[Level, ...], asked: int | None) -> bool:
    """Whether a side is as long as it was asked for, so that more may lie beyond its end."""
    return asked is not None and 0 < asked <= len(levels)


def _both_know(
    narrower: Callable[[int, int], int], ours: int | None, theirs: int | None
) -> int | None:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return narrower(ours, theirs)
