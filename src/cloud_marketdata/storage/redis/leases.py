"""Leases in Redis, by the server's clock, so that no holder's own can stretch them.

A lease's last token outlives it. Where Redis has lost that too, the next token is a time, and so
still above what was given out before.
"""

from collections.abc import Sequence
from hashlib import sha1
from typing import Final

from redis.exceptions import ResponseError

from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import told
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.server import Command, Server

_US_PER_S: Final = 1_000_000
_ACQUIRE: Final = b"""#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local kept = redis.call('HMGET', KEYS[1], 'holder', 'until', 'token')
local token = tonumber(kept[3] or 0)
local til = tonumber(kept[2] or 0)
if til > now then
  if kept[1] ~= ARGV[1] then return false end
elseif ARGV[3] == '0' or til == 0 or kept[1] ~= ARGV[1] then
  token = math.max(now, token + 1)
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', string.format('%.0f', token),
  'until', string.format('%.0f', now + ARGV[2]))
return token
"""
_SHA: Final = sha1(_ACQUIRE, usedforsecurity=False).hexdigest()
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
        (token,) = await self._take_each([name], holder, seconds, again=False)
        return token

    async def acquire_each(
        self, names: Sequence[str], holder: str, seconds: float
    ) -> list[int | None]:
        """Take or keep many leases; who was the last to have one keeps its token."""
        return await self._take_each(names, holder, seconds, again=True)

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back, if the holder has it."""
        key = self._keys.lease(name)
        await self._client.ask(key, "EVAL", _RELEASE, 1, key, holder)

    async def _take_each(
        self, names: Sequence[str], holder: str, seconds: float, *, again: bool
    ) -> list[int | None]:
        said = holder, int(seconds * _US_PER_S), int(again)
        homes: dict[Server, list[str]] = {}
        for name in names:
            home = await self._client.servers.home(self._keys.lease(name))
            homes.setdefault(home, []).append(name)
        tokens: dict[str, int | None] = {}
        for home, there in homes.items():
            # The first brings the script along for all.
            keys = [self._keys.lease(name) for name in there]
            calls: list[Command] = [("EVAL", _ACQUIRE, 1, keys[0], *said)]
            calls += [("EVALSHA", _SHA, 1, key, *said) for key in keys[1:]]
            replies = await self._client.settle(home, calls)
            for name, token in zip(there, replies, strict=True):
                if isinstance(token, ResponseError):
                    raise told(token, home.address)
                tokens[name] = None if token is None else int(token)
        return [tokens[name] for name in names]
