"""Members in Redis, by the server's clock: one sorted set a group, by the time each lives until."""

from collections.abc import Sequence
from typing import Final

from redis.exceptions import ResponseError

from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import told
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.server import Reply

_US_PER_S: Final = 1_000_000
# Without a name it only asks. Who has lapsed goes with whoever beats next.
_BEAT: Final = b"""#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if ARGV[1] then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
end
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')
"""


class RedisMembers:
    """Members in Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def beat(self, group: str, name: str, seconds: float) -> Sequence[str]:
        """Say that `name` lives for `seconds` from now on; return all who live, sorted."""
        return await self._run(group, name, int(seconds * _US_PER_S))

    async def leave(self, group: str, name: str) -> None:
        """Say that `name` is gone."""
        key = self._keys.members(group)
        await self._client.ask(key, "ZREM", key, name)

    async def living(self, group: str) -> Sequence[str]:
        """Return all who live, sorted."""
        return await self._run(group)

    async def _run(self, group: str, *said: str | int) -> list[str]:
        key = self._keys.members(group)
        server = await self._client.servers.home(key)
        found: Reply
        (found,) = await self._client.settle(server, [("EVAL", _BEAT, 1, key, *said)])
        if isinstance(found, ResponseError):
            raise told(found, server.address)
        return sorted(name.decode() for name in found)
