"""The query cache in Redis, shared by every process: keys that expire by themselves.

It may forget anything at any time, so an outage is a miss: an answer is computed again and nobody
has to know. Both are counted.
"""

from typing import Final

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys

LARGEST_ANSWER: Final = 8 * 1024 * 1024
_MS_PER_S: Final = 1000


class RedisCache:
    """QueryCache in Redis.

    failed: questions and answers that Redis did not take. refused: answers that were too large.
    """

    def __init__(self, client: Client, keys: Keys) -> None:
        self.failed = self.refused = 0
        self._client = client
        self._keys = keys

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None where there is none, it has expired, or Redis is away."""
        name = self._keys.answer(key)
        try:
            value: bytes | None = await self._client.ask(name, "GET", name)
        except StorageError:
            self.failed += 1
            return None
        return value

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep the value for at most `seconds`; one beyond LARGEST_ANSWER is not kept."""
        lasting = int(seconds * _MS_PER_S)
        name = self._keys.answer(key)
        large = len(value) > LARGEST_ANSWER
        self.refused += large
        try:
            if large or lasting < 1:
                await self._client.ask(name, "DEL", name)
            else:
                await self._client.ask(name, "SET", name, value, "PX", lasting)
        except StorageError:
            self.failed += 1
