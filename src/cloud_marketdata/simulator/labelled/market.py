"""A market that can be told what to do: the seeded one, whose price, depth and takers are led.

Makers keep a quote on both sides of the fair price and take back what stands beyond it; takers eat
what rests. Whatever is done until `told` is asked belongs to one instant. Prices are ticks, sizes
lots; a stride is about a 200,000th of the price, and lots are bought for quote amounts by `lots`.
"""

from decimal import Decimal
from random import Random
from typing import Final

from cloud_marketdata.simulator.ladder import Ladder
from cloud_marketdata.simulator.listing import Listing
from cloud_marketdata.simulator.market import Fill, Market, MarketEvent

HALF_SPREAD: Final = 2  # strides from the fair price to each side's quote
NEAR_LEVELS: Final = 15
KEPT_LEVELS: Final = 20  # no taker order leaves less than this of a side


class LedMarket(Market):
    """`fair` is its middle, `half` the ticks from there to either quote, both set from outside."""

    def __init__(self, random: Random, listing: Listing, start_ns: int) -> None:
        self.half = 1  # until the stride is known; the first orders are placed by the base class
        super().__init__(random, listing, start_ns)
        self.stride = self._stride
        self.half = HALF_SPREAD * self._stride
        self.began = self._fair
        self._fills: list[Fill] = []

    @property
    def fair(self) -> int:
        """The price around which makers quote."""
        return self._fair

    @fair.setter
    def fair(self, ticks: int) -> None:
        self._fair = min(max(ticks, self._start // 2), self._start * 2)

    def lots(self, quote: int) -> int:
        """Return how many lots an amount in quote units buys, at least one."""
        return max(1, int(Decimal(quote) / (self.listing.tick * self.listing.lot * self._fair)))

    def notional(self, fills: list[Fill]) -> int:
        """Return what fills cost, in whole quote units."""
        return int(sum(f.price * f.size for f in fills) * self.listing.tick * self.listing.lot)

    def against(self, *, buy: bool) -> Ladder:
        """Return the side that such a taker eats."""
        return self.asks if buy else self.bids

    def hit(self, *, buy: bool, lots: int, levels: int) -> list[Fill]:
        """Send one taker order that takes at most so many levels and lots; what is left dies."""
        side, fills = self.against(buy=buy), list[Fill]()
        while lots and len(fills) < levels and len(side) > KEPT_LEVELS:
            price = side.best
            size = min(lots, side.lots[price])
            fills.append(self._fill(price, size, buy=buy))
            self.put(side, price, side.lots[price] - size)
            lots -= size
        return fills

    def print_away(self, price: int, lots: int, *, buy: bool) -> Fill:
        """Print a trade at a price of which the book knows nothing."""
        return self._fill(price, lots, buy=buy)

    def put(self, side: Ladder, price: int, lots: int) -> None:
        """Set what rests at a price."""
        self._set(side, price, lots)

    def skip_trades(self, count: int) -> None:
        """Let trades happen of which nobody will ever hear."""
        self._next_trade += count

    def quote(self) -> None:
        """Bring both best prices to where makers want them, with an order where none rests."""
        for side, best, over in (
            (self.bids, self._fair - self.half, self._better_bid),
            (self.asks, self._fair + self.half, self._better_ask),
        ):
            while over(best):
                self._set(side, side.best, 0)
            if best not in side.lots:
                self._set(side, best, self._order_size() + self._typical // 2)

    def restock(self) -> None:
        """Let some orders go and others come, and the quotes stand where they should."""
        self._cancel()
        self._rest()
        self.quote()

    def flicker(self) -> None:
        """Let the size of one order somewhere near the touch change a little."""
        side = self._random.choice((self.bids, self.asks))
        price = side.price(self._random.randrange(1, NEAR_LEVELS))
        self._set(side, price, side.lots[price] * self._random.randrange(9, 12) // 10 + 1)

    def move(self, ticks: int) -> None:
        """Let every maker move by as many ticks at once."""
        self.fair = self._fair + ticks
        for side in (self.bids, self.asks):
            resting = dict(side.lots)
            for price in resting.keys() - {price + ticks for price in resting}:
                self._set(side, price, 0)
            for price, lots in resting.items():
                self._set(side, price + ticks, lots)

    def told(self, time: int) -> MarketEvent | None:
        """Return what has been done since the last call as of one instant, or None for nothing."""
        fills, self._fills = self._fills, []
        if not fills and not any(self._changed):
            return None
        return self._event(time, fills)

    def _nearest(self, outwards: int) -> int:
        return self._fair + outwards * self.half

    def _better_bid(self, price: int) -> bool:
        return len(self.bids) > 0 and self.bids.best > price

    def _better_ask(self, price: int) -> bool:
        return len(self.asks) > 0 and self.asks.best < price

    def _fill(self, price: int, size: int, *, buy: bool) -> Fill:
        fill = Fill(self._next_trade, price, size, buy)
        self._fills.append(fill)
        self._next_trade += 1
        return fill
