"""Live books in Redis: one string a market, replaced as a whole."""

from collections.abc import Sequence

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.packing import pack_view, unpack_view
from cloud_marketdata.storage.ports import BookView
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.server import Command


class RedisBooks:
    """LiveBooks in Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def publish(self, views: Sequence[BookView]) -> None:
        """Replace the views of these instruments."""
        commands: list[tuple[str, Command]] = []
        for view in views:
            key = self._keys.book(view.instrument.venue, view.instrument.symbol)
            commands.append((key, ("SET", key, pack_view(view))))
        await self._client.ask_each(commands)

    async def find(self, venue: Venue, symbol: str) -> BookView | None:
        """Return the view last published, or None."""
        key = self._keys.book(venue, symbol)
        packed = await self._client.ask(key, "GET", key)
        return None if packed is None else unpack_view(packed)
