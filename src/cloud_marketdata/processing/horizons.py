"""Up to where a market's buckets have been forgotten, and from when on trades come too late.

A bucket that is gone takes no more trades. Nor does one whose sums have lost other parts: an hour
must never be summed again from minutes of which some are gone, nor a day from such hours.
"""

from typing import Final, NamedTuple, Self

from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import AggregateRepository

_SUMS = ((Timeframe.M1, Timeframe.H1), (Timeframe.H1, Timeframe.D1), (Timeframe.D1, Timeframe.D1))


class Horizons(NamedTuple):
    """Times in ns: of seconds that end at or before `seconds` nothing is kept any more.

    trades: a trade before it is too late for every bucket.
    """

    seconds: int = 0
    trades: int = 0

    @classmethod
    async def read(cls, aggregates: AggregateRepository, venue: Venue, symbol: str) -> Self:
        """Return what is stored of a market."""
        seconds = await aggregates.horizon(venue, symbol, Timeframe.S1)
        whole = [_ceil(await aggregates.horizon(venue, symbol, part), of) for part, of in _SUMS]
        return cls(seconds, max(whole))


NOTHING_FORGOTTEN: Final = Horizons()


def _ceil(time: int, timeframe: Timeframe) -> int:
    return -timeframe.floor(-time)
