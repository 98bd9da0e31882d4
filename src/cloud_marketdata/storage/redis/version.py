"""The version of everything below the prefix, and who may change it: see `storage.stepping`."""

from typing import Final

from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys

_MS: Final = 1000
# Each one under the claim alone, which has a key of its own because it lapses.
_CLAIM: Final = b"""#!lua flags=allow-oom
local kept = redis.call('GET', KEYS[1])
if kept and kept ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RAISE: Final = b"""#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
return 1
"""
_RELEASE: Final = b"""#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class SchemaMark:
    """The version in one key, the claim in another one of its slot."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self.name = f"Redis: {keys.schema}"
        self._client = client
        self._key = keys.schema
        self._claim = f"{{{keys.schema}}}:claim"

    async def read(self) -> object:
        """Return the version: a number, or the text that is there in its place."""
        found = await self._client.ask(self._key, "GET", self._key)
        text = "" if found is None else found.decode(errors="replace")
        return int(text) if text.isdecimal() else text

    async def begin(self, version: int) -> None:
        """Write the version where there is none.

        A server that takes no writes, for whatever reason, says so by StorageError.
        """
        await self._client.ask(self._key, "SET", self._key, version, "NX")

    async def claim(self, holder: str, seconds: float) -> bool:
        """Take or keep the right to change the version; False while another has it."""
        asked = ("EVAL", _CLAIM, 1, self._claim, holder, int(seconds * _MS))
        return bool(await self._client.ask(self._key, *asked))

    async def raise_to(self, version: int, holder: str) -> bool:
        """Write the version and end the claim, both at once; False where another has claimed."""
        asked = ("EVAL", _RAISE, 2, self._claim, self._key, holder, version)
        return bool(await self._client.ask(self._key, *asked))

    async def release(self, holder: str) -> None:
        """End the claim, where it is the holder's."""
        await self._client.ask(self._key, "EVAL", _RELEASE, 1, self._claim, holder)
