"""Opens the venues' klines for whoever compares them, each at the address it shares with its feed.

A venue has one budget and one breaker for each address, so both are handed in.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from cloud_marketdata.collectors.klines.desk import KlineDesk
from cloud_marketdata.collectors.rejections import Rejections
from cloud_marketdata.collectors.rest.address import Address
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.domain.values import Venue


class VenueKlines:
    """Klines by REST of every venue that has an address. `stream`: as in KlineDesk."""

    def __init__(
        self, addresses: Mapping[Venue, Address], stream: str, rejections: Rejections, clock: Clock
    ) -> None:
        self._addresses = addresses
        self._stream = stream
        self._rejections = rejections
        self._clock = clock

    @asynccontextmanager
    async def open(self, venue: Venue) -> AsyncIterator[KlineDesk]:
        """Open a client of the venue."""
        async with self._addresses[venue].open() as rest:
            yield KlineDesk(venue, self._stream, rest, self._rejections, self._clock)
