"""Which venues are held against each other: like with like, and of the same symbol alone.

A perpetual is compared with a perpetual and spot with spot; between the two lies a basis that is no
fault of anybody. One line here is one more pair.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from cloud_marketdata.domain.signal import Subject
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stream, StreamKind

LIKE: Final = (
    (Venue.BINANCE_SPOT, Venue.BYBIT_SPOT),
    (Venue.BINANCE_USDM, Venue.BYBIT_LINEAR),
)
KINDS: Final = (StreamKind.TRADES, StreamKind.BOOK, StreamKind.STATUS)


class Pair(NamedTuple):
    """Two venues in the order of their names, and the symbol that both trade."""

    first: Venue
    second: Venue
    symbol: str

    @property
    def subject(self) -> Subject:
        """What its minutes and signals are kept under."""
        return Subject.pair(self.first, self.second, self.symbol)

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The log's streams of both; at one moment those of the first are told first."""
        return tuple(
            Stream(venue, self.symbol, kind)
            for venue in (self.first, self.second)
            for kind in KINDS
        )


def pairs_of(streams: Iterable[Stream]) -> list[Pair]:
    """Return the pairs of which both markets have trades or a book in the log, sorted."""
    markets = {(one.venue, one.symbol) for one in streams if one.kind is not StreamKind.STATUS}
    return sorted(
        Pair(first, second, symbol)
        for first, second in LIKE
        for venue, symbol in markets
        if venue is first and (second, symbol) in markets
    )
