"""What is to be measured, and what was."""

from collections.abc import Sequence

from msgspec import Struct

from cloud_marketdata.bench.signals.captures import Recorded
from cloud_marketdata.bench.signals.markets import Scored
from cloud_marketdata.bench.signals.pairs import Lag
from cloud_marketdata.domain.values import Venue


class Plan(Struct, frozen=True, kw_only=True):
    """Every venue is played with every seed, every lag once.

    rounds: how often each size of each kind is planted in one market. warm_s: seconds before the
    first in a single market, pair_warm_s in a pair, of which nothing is judged.
    """

    venues: tuple[Venue, ...] = tuple(Venue)
    seeds: tuple[int, ...] = (1, 2)
    rounds: int = 4
    warm_s: int = 3_600
    pause_s: int = 20
    lags_ms: tuple[int, ...] = (0, 10, 25, 80, 180)
    pair_warm_s: int = 240

    @property
    def words(self) -> str:
        """Describe it."""
        return (
            f"{', '.join(self.venues)} with seeds {_listed(self.seeds)} each; every size of every "
            f"kind {self.rounds} times a market, after {self.warm_s} s of warm-up that are not "
            f"judged, with {self.pause_s} to {2 * self.pause_s} s between events; pairs with lags "
            f"of {_listed(self.lags_ms)} ms after {self.pair_warm_s} s"
        )


class Result(Struct):
    """The marks of single markets, of pairs, the lags, and what real captures made be told."""

    markets: Scored
    pairs: Scored
    lags: list[Lag]
    recorded: list[Recorded]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
