"""Live books in memory."""

from collections.abc import Sequence

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import BookView


class MemoryBooks:
    """LiveBooks in memory; views are immutable and can be handed out as they are."""

    def __init__(self) -> None:
        self._views: dict[tuple[Venue, str], BookView] = {}

    async def publish(self, views: Sequence[BookView]) -> None:
        """Replace the views of these instruments."""
        self._views.update({(v.instrument.venue, v.instrument.symbol): v for v in views})

    async def find(self, venue: Venue, symbol: str) -> BookView | None:
        """Return the view last published, or None."""
        return self._views.get((venue, symbol))
