"""Leases in Redis, by the server's clock, so that no holder's own can stretch them.

A lease's last token outlives it. Where Redis has lost that too, the next token is a time, and so
still above what was given out before.
"""

from typing import Final

from redis.exceptions import ResponseError

from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import told
from cloud_marketdata.storage.redis.keys import Keys

_US_PER_S: Final = 1_000_000
_ACQUIRE: Final = b"""#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[1], 'holder', 'until', 'token')
local token = tonumber(kept[3] or 0)
if tonumber(kept[2] or 0) > now then
  if kept[1] ~= ARGV[1] then return false end
else
  token = math.max(now, token + 1)
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', string.format('%.0f', token),
  'until', string.format('%.0f', now + ARGV[2]))
return token
"""
_RELEASE: Final = b"""#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('HSET', KEYS[1], 'until', 0) end
return 1
"""


class RedisLeases:
    """Leases in Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or keep the lease for `seconds` from now on; None where another holder has it."""
        key = self._keys.lease(name)
        server = await self._client.servers.home(key)
        lasting = int(seconds * _US_PER_S)
        call = ("EVAL", _ACQUIRE, 1, key, holder, lasting)
        (token,) = await self._client.settle(server, [call])
        if isinstance(token, ResponseError):
            raise told(token, server.address)
        return None if token is None else int(token)

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if the holder has it."""
        key = self._keys.lease(name)
        await self._client.ask(key, "EVAL", _RELEASE, 1, key, holder)
