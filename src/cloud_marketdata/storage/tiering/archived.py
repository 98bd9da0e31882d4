"""What has been read back from the cold tier: the content hash of each day that is safe there.

It is kept in memory. A process that starts reads its days back again before it lets go of any, and
so does one that takes a market over; there are no more of them than the warm tier keeps.
"""

from collections import defaultdict

from cloud_marketdata.domain.values import Venue


class Archived:
    """Content hashes by market and start of the day, as this process has seen them."""

    def __init__(self) -> None:
        self._days: defaultdict[tuple[Venue, str], dict[int, str]] = defaultdict(dict)

    def confirm(self, venue: Venue, symbol: str, start: int, content: str) -> None:
        """Note what an object was read back with, once its day's manifest lists it."""
        self._days[venue, symbol][start] = content

    def find(self, venue: Venue, symbol: str, start: int) -> str | None:
        """Return the content hash of the day, or None where it has not been read back."""
        return self._days[venue, symbol].get(start)

    def drop(self, venue: Venue, symbol: str, before: int) -> None:
        """Forget days that begin before a time: nobody asks for them any more."""
        days = self._days[venue, symbol]
        for start in [start for start in days if start < before]:
            del days[start]
