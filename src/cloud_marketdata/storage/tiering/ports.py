"""What a worker calls between two saves, so that nothing is folded while something is forgotten."""

from typing import NamedTuple, Protocol

from cloud_marketdata.domain.values import Venue


class Turn(NamedTuple):
    """What a call has left to do.

    more: there is more to forget than one call may take, so call again after the next save.
    passed: nobody waits for trades older than this any more, so the watermark is there at least; 0
    where that is left to the trades.
    """

    more: bool = False
    passed: int = 0


class Forget(Protocol):
    """Lets go what the next tier holds; bounded work, and never a word with the cold tier."""

    async def __call__(self, venue: Venue, symbol: str, *, fence: int) -> Turn:
        """Move the market's horizons; call it only while all that was folded is saved.

        Raises FencedError where somebody else owns the market, StorageError where a store is away.
        """
        ...
