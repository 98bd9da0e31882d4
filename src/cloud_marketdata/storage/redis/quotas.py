"""Quotas in Redis, for all processes together, by the server's clock: nobody's own matters.

One key a name, which expires when the quota is full again, and one script a take. Microseconds and
debts are exact in its numbers, which are doubles, as long as a rate stays below MOST. A server
whose memory is full refuses to write, and so to take: that is told as any other failure.
"""

from hashlib import sha1
from typing import Final

from redis.exceptions import NoScriptError, ResponseError

from cloud_marketdata.storage.gcra import told as outcome
from cloud_marketdata.storage.gcra import unit_of
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import told
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.server import Command, Reply
from cloud_marketdata.storage.security_ports import Rate, Taken

_US_PER_S: Final = 1_000_000
MOST: Final = 2**53 // _US_PER_S
"""What quota times seconds of a rate must stay below."""
# A clock that was set back would pay nothing until it is where it was: then the debt begins anew at
# its new time, also where nothing is taken.
_SCRIPT: Final = b"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local quota, unit, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local owed, set_back = 0, false
local kept = redis.call('GET', KEYS[1])
if kept then
  local at, parts = string.match(kept, '^(%d+) (%d+)$')
  set_back = now < tonumber(at)
  owed = math.max(0, parts - math.max(0, now - at) * quota)
end
local ok = owed + cost * unit <= quota * unit
if ok then owed = owed + cost * unit end
if owed > 0 and (ok or set_back) then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', now, owed),
    'PX', math.ceil(owed / quota / 1000))
end
return {ok and 1 or 0, owed}
"""
_SHA: Final = sha1(_SCRIPT, usedforsecurity=False).hexdigest()


class RedisQuotas:
    """Quotas in Redis."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def take(self, name: str, rate: Rate, cost: int = 1) -> Taken:
        """Take `cost` units of the quota `name`, or none where fewer are left."""
        assert rate.quota * rate.seconds < MOST, "a rate beyond what the script can count"
        # What is above the quota by one is refused as surely as what is above it by far.
        asked = min(cost, rate.quota + 1)
        key = self._keys.quota(name, rate.seconds)
        said = (1, key, rate.quota, unit_of(rate, _US_PER_S), asked)
        ok, parts = await self._run(key, said)
        return outcome(parts, rate, cost, _US_PER_S, ok=bool(ok))

    async def _run(self, key: str, said: Command) -> Reply:
        """Call the script by its hash; a server that does not know it is given the whole."""
        server = await self._client.servers.home(key)
        (reply,) = await self._client.attempt(server, [("EVALSHA", _SHA, *said)])
        if isinstance(reply, NoScriptError):
            return await self._client.ask(key, "EVAL", _SCRIPT, *said)
        if isinstance(reply, ResponseError):
            raise told(reply, server.address)
        return reply
