"""One side of the book under attack: its contested prices, and how far it was pushed back.

At most 2,000 prices are contested at a time; those there is no room for are counted.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from cloud_marketdata.domain.book import BookSide
from cloud_marketdata.domain.events import Level
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.processing.detectors.contest import Contest
from cloud_marketdata.processing.flow.moments import Cluster

MOST_PRICES: Final = 2_000
_TENTH: Final = NS_PER_S // 10
_KEPT: Final = 400


class Reach(Struct):
    """The lowest and highest price of a side over the last twenty seconds, by tenths of a second.

    `sign` is 1 for bids, whose worst is the lowest, and -1 for asks; kept prices are times it.
    """

    sign: int
    tenths: list[tuple[int, int]] = []

    def take(self, time: int, price: int) -> None:
        """Take a best price that holds from `time` ns on."""
        tenth, value, tenths = time // _TENTH, self.sign * price, self.tenths
        if not tenths or tenths[-1][0] < tenth:
            if len(tenths) >= _KEPT:
                del tenths[: _KEPT // 2]
            tenths.append((tenth, value))
        elif value < tenths[-1][1]:
            tenths[-1] = (tenths[-1][0], value)

    def beyond(self, price: int, since: int) -> int:
        """Return how many ticks the side went beyond `price` since a time, 0 where it held."""
        first, value = since // _TENTH, self.sign * price
        worst = min((kept for tenth, kept in self.tenths if tenth >= first), default=value)
        return max(0, value - worst)


class Front(Struct):
    """One passive side: prices under attack, and how far it was pushed back."""

    reach: Reach
    contests: dict[int, Contest] = {}

    def attack(self, cluster: Cluster, side: BookSide | None) -> int:
        """Take an order against this side; return how many prices there was no room for."""
        contests, refused = self.contests, 0
        for price, lots in cluster.prices:
            shown = side.sizes.get(price, 0) if side else 0
            contest = contests.get(price)
            if contest is None:
                if len(contests) >= MOST_PRICES:
                    refused += 1
                    continue
                contest = contests[price] = Contest(cluster.time, shown, shown)
            contest.hit(cluster, lots, shown)
        self.reach.take(cluster.time, cluster.prices[-1][0])
        return refused

    def display(self, levels: tuple[Level, ...]) -> None:
        """Take changed levels."""
        contests = self.contests
        for price, lots in levels:
            if price in contests:
                contests[price].display(lots)

    def leave(self, second: int) -> Iterator[int]:
        """Let go of prices that are not attacked any more; yield the most that each took."""
        over = [price for price, contest in self.contests.items() if contest.over(second)]
        for price in over:
            yield price * self.contests.pop(price).peak
