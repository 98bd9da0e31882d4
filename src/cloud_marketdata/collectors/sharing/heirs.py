"""Who stands ready to go on with a symbol that still is another one's.

An heir has heard the symbol for a while, so it can be given the symbol without a gap. It says so
again and again among the members of a group of the venue's own, and nobody else reads that.
"""

from collections.abc import Iterable

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.sharing_ports import Members


class Heirs:
    """Says what `name` stands ready for, and hears what others do; a word is good for `seconds`."""

    def __init__(
        self, venue: Venue, members: Members, name: str, seconds: float, clock: Clock
    ) -> None:
        self._group = f"heirs/{venue}"
        self._members = members
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._said: dict[str, float] = {}

    async def say(self, symbols: Iterable[str]) -> None:
        """Stand ready for exactly these symbols; raises StorageError."""
        ready = set(symbols)
        for symbol in [said for said in self._said if said not in ready]:
            del self._said[symbol]
            await self._members.leave(self._group, self._word(symbol))
        now = self._clock.monotonic()
        for symbol in ready:
            if now - self._said.get(symbol, -self._seconds) >= self._seconds / 2:
                await self._members.beat(self._group, self._word(symbol), self._seconds)
                self._said[symbol] = now

    async def ready(self) -> set[str]:
        """Return the symbols for which another one stands ready; raises StorageError."""
        words = [word.split(" ", 1) for word in await self._members.living(self._group)]
        return {symbol for symbol, name in words if name != self._name}

    def _word(self, symbol: str) -> str:
        return f"{symbol} {self._name}"
