"""Since when there is anything of a market: the start of its oldest bucket in any tier.

The oldest day of the cold tier is asked for once per market and remembered: days are archived in
their order and stay for ever, so there will never be an older one.
"""

from typing import Final

from cloud_marketdata.api.horizons import read_horizons
from cloud_marketdata.api.shelves import Shelves
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.domain.values import Timeframe, Venue
from cloud_marketdata.storage.ports import Stores

_FRAMES: Final = (Timeframe.D1, Timeframe.H1, Timeframe.M1)


class Beginnings:
    """Finds the oldest buckets of markets."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._cold: dict[tuple[Venue, str], int] = {}

    async def find(self, venue: Venue, symbol: str) -> int | None:
        """Return the start of the oldest bucket in ns, or None.

        It is that of the warm tier while the cold one is away and was never asked before.
        """
        at = (venue, symbol)
        horizons = await read_horizons(self._stores.aggregates, at)
        warm = await Shelves(self._stores, at, horizons).oldest(_FRAMES, since=horizons.days)
        if horizons.days and at not in self._cold:
            await self._ask(at)
        return self._cold.get(at, warm)

    async def _ask(self, at: tuple[Venue, str]) -> None:
        try:
            bounds = await self._stores.archive.bounds(*at)
        except StorageError:
            return
        if bounds:
            self._cold[at] = bounds[0]
