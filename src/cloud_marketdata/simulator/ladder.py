"""One side of the seeded market's book: lots by tick, kept in order of price."""

from bisect import bisect_left, insort


class Ladder:
    """Resting lots of one side; the best price is the highest for bids, the lowest for asks."""

    __slots__ = ("_bids", "_keys", "lots")

    def __init__(self, *, bids: bool) -> None:
        self._bids = bids
        self._keys: list[int] = []
        self.lots: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def best(self) -> int:
        """The best price in ticks; the side must not be empty."""
        return self.price(0)

    def price(self, rank: int) -> int:
        """Return the price `rank` levels behind the best; -1 is the worst."""
        key = self._keys[rank]
        return -key if self._bids else key

    def set(self, price: int, lots: int) -> None:
        """Set the absolute size of a level; zero removes it."""
        key = -price if self._bids else price
        if lots:
            if price not in self.lots:
                insort(self._keys, key)
            self.lots[price] = lots
        elif self.lots.pop(price, 0):
            del self._keys[bisect_left(self._keys, key)]

    def refine(self, parts: int) -> None:
        """Count prices in a tick that is `parts` times finer."""
        self._keys = [key * parts for key in self._keys]
        self.lots = {price * parts: lots for price, lots in self.lots.items()}
