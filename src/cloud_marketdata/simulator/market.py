"""A seeded market in ticks and lots, whose book and trades agree with each other.

A fair price walks at random. In each step takers eat resting levels, best first, and leave a fill
for each level touched; then orders are cancelled and new ones rest around the fair price, never
across the spread. The same random source gives the same steps; the start time only shifts times
and ids, so a market started later goes on with higher ids.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Final, NamedTuple

from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.simulator.ladder import Ladder
from cloud_marketdata.simulator.listing import Listing

STEP_NS: Final = 100 * NS_PER_MS
LEVELS: Final = 300
SPARE_LEVELS: Final = 50
DEEPEST_SWEEP: Final = 5
ORDER_NOTIONAL: Final = 20_000
TOWARDS_FAIR: Final = 7  # takers of ten
LEAST_START: Final = 10_000
# Ids grow with the clock: far faster than any market here trades, far below 2^53.
NS_PER_TRADE_ID: Final = 10_000
NS_PER_UPDATE_ID: Final = 1_000


class Fill(NamedTuple):
    """A trade: its id, price in ticks, size in lots, and whether the taker bought."""

    id: int
    price: int
    size: int
    buy: bool


class MarketEvent(NamedTuple):
    """What happened at one instant: the fills, then every level that changed (absolute lots)."""

    time: int
    first_update: int
    last_update: int
    fills: list[Fill]
    bids: dict[int, int]
    asks: dict[int, int]


class Market:
    """One symbol's market; `bids` and `asks` are its book after the last event."""

    def __init__(self, random: Random, listing: Listing, start_ns: int) -> None:
        self.listing = listing
        self.time = start_ns
        self.last_update = start_ns // NS_PER_UPDATE_ID
        self.bids = Ladder(bids=True)
        self.asks = Ladder(bids=False)
        self._random = random
        self._next_trade = start_ns // NS_PER_TRADE_ID
        self._start = max(LEAST_START, int(listing.start / listing.tick))
        self._fair = self._start
        # Levels lie this many ticks apart on average, about a 200,000th of the price.
        self._stride = max(1, self._start // 200_000)
        notional = self._start * listing.tick * listing.lot
        self._typical = max(10, int(Decimal(ORDER_NOTIONAL) / notional))
        self._changed: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._rest()
        self._changed = ({}, {})
        self._finer: Listing | None = None

    def refine(self, listing: Listing) -> None:
        """Trade on a finer tick, a whole part of the present one, from the next step on."""
        self._finer = listing

    def step(self) -> Iterator[MarketEvent]:
        """Let one step of time pass; yield the takers' event, then the makers'.

        The book is that of the yielded event until the next one is asked for.
        """
        self.time += STEP_NS
        if self._finer:
            self._change_grid(self._finer)
            self._finer = None
        fills = [fill for _ in range(self._random.randrange(4)) for fill in self._take()]
        if fills:
            yield self._event(self.time, fills)
        self._drift()
        self._cancel()
        self._rest()
        yield self._event(self.time + STEP_NS // 2, [])

    def _change_grid(self, listing: Listing) -> None:
        """Count everything in the finer tick; nothing changes its place."""
        parts = int(self.listing.tick / listing.tick)
        self.listing = listing
        self._start, self._fair = self._start * parts, self._fair * parts
        self._stride *= parts
        self.bids.refine(parts)
        self.asks.refine(parts)

    def _event(self, time: int, fills: list[Fill]) -> MarketEvent:
        (bids, asks), self._changed = self._changed, ({}, {})
        first = self.last_update + 1
        self.last_update += max(1, len(bids) + len(asks))
        return MarketEvent(time, first, self.last_update, fills, bids, asks)

    def _set(self, side: Ladder, price: int, lots: int) -> None:
        side.set(price, lots)
        self._changed[side is self.asks][price] = lots

    def _take(self) -> list[Fill]:
        """Send one taker order, more often towards the fair price than away from it."""
        cheap = self.bids.best + self.asks.best < 2 * self._fair
        buy = cheap if self._random.randrange(10) < TOWARDS_FAIR else not cheap
        side, wanted, fills = (self.asks if buy else self.bids), self._order_size(), []
        for _ in range(DEEPEST_SWEEP):
            price = side.best
            size = min(wanted, side.lots[price])
            fills.append(Fill(self._next_trade, price, size, buy))
            self._next_trade += 1
            self._set(side, price, side.lots[price] - size)
            wanted -= size
            if not wanted:
                break
        return fills

    def _order_size(self) -> int:
        return 1 + self._random.randrange(self._typical) * self._random.randrange(1, 20) // 10

    def _drift(self) -> None:
        """Move the fair price, within half and double of where it began."""
        moved = self._fair + self._random.randrange(-3 * self._stride, 3 * self._stride + 1)
        self._fair = min(max(moved, self._start // 2), self._start * 2)

    def _cancel(self) -> None:
        """Take away or shrink a few orders, and the worst ones where there are too many."""
        for side in (self.bids, self.asks):
            for _ in range(self._random.randrange(1, 6)):
                price = side.price(self._random.randrange(len(side)))
                self._set(side, price, self._random.choice((0, side.lots[price] // 2)))
            while len(side) > LEVELS + SPARE_LEVELS:
                self._set(side, side.price(-1), 0)

    def _rest(self) -> None:
        """Let new orders rest, at least as many as fill the book, none across the spread."""
        for side, outwards in ((self.bids, -1), (self.asks, 1)):
            fresh = max(self._random.randrange(2, 8), LEVELS - len(side))
            for _ in range(fresh):
                price = self._nearest(outwards) + outwards * self._offset()
                self._set(side, max(1, price), side.lots.get(price, 0) + self._order_size())

    def _nearest(self, outwards: int) -> int:
        """Return the best price at which an order may rest on one side."""
        if outwards < 0:
            return min(self._fair - 1, self.asks.best - 1) if len(self.asks) else self._fair - 1
        return max(self._fair + 1, self.bids.best + 1)

    def _offset(self) -> int:
        """Draw a distance in ticks from the nearest price; small ones are the most likely."""
        width = 4 * LEVELS * self._stride
        return self._random.randrange(width) * self._random.randrange(width) // width
