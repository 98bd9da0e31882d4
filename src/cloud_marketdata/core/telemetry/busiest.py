"""Which symbols have series of their own: of each venue the busiest, by first come.

A place once taken is kept while the process lives. Were it given to whoever is busiest now, a
symbol's count would move into the sum of the others and out again, and each move would look to
PromQL's rate() like trades that never were. So the busiest are chosen where there are more symbols
than places for the first time; who comes later is one of the others.
"""

from collections.abc import Mapping
from typing import Final

OTHER: Final = "other"
"""What the others are called together, of symbols and of all else that is bounded."""


class Busiest:
    """Gives out the places: `most` in each venue."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._placed: dict[str, set[str]] = {}

    def admit(self, activity: Mapping[tuple[str, str], float]) -> None:
        """Give what places are free to who has none, the busiest first.

        activity: of each venue and symbol, what it has done; only its order matters.
        """
        waiting: dict[str, list[tuple[float, str]]] = {}
        for (venue, symbol), done in activity.items():
            if symbol not in self._placed.setdefault(venue, set()):
                waiting.setdefault(venue, []).append((-done, symbol))
        for venue, ranked in waiting.items():
            free = self._most - len(self._placed[venue])
            self._placed[venue] |= (
                {symbol for _, symbol in sorted(ranked)[:free]} if free else set()
            )

    def name(self, venue: str, symbol: str) -> str:
        """Return the symbol, or what it is called among the others."""
        return symbol if symbol in self._placed.get(venue, ()) else OTHER
