"""What reconciliation asks of a venue. Collectors bring it; processing does not know them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from cloud_marketdata.domain.events import TradeEvent
from cloud_marketdata.domain.instrument import Instrument
from cloud_marketdata.domain.klines import Kline
from cloud_marketdata.domain.values import Venue


class KlineAnswers(Protocol):
    """One venue that can be asked. Times are ns; both raise VenueError where there is no answer."""

    async def klines(self, symbol: str, start: int, end: int) -> Sequence[Kline]:
        """Return the venue's klines of the minutes in [start, end), as far as it tells them."""
        ...

    async def trades(self, instrument: Instrument, first_id: int, end: int) -> Sequence[TradeEvent]:
        """Return the trades from an id on that were matched before `end`."""
        ...


class KlineSource(Protocol):
    """All venues; each is asked within the limits it shares with whoever collects from it."""

    def open(self, venue: Venue) -> AbstractAsyncContextManager[KlineAnswers]:
        """Open a client of a venue."""
        ...
