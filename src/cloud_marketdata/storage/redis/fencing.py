"""A market's fence: the highest token of a collector's lease that its streams were shown.

It lies in the slot of the streams, so the script that appends looks at it in the same moment. It
goes with them where Redis loses them; what is appended next under a token brings it back.
"""

from typing import Final

from redis.exceptions import ResponseError

from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import told

_RAISE: Final = b"""#!lua flags=allow-oom
local shown = redis.call('GET', KEYS[1]) or '0'
if tonumber(ARGV[1]) > tonumber(shown) then redis.call('SET', KEYS[1], ARGV[1]) end
return shown
"""


async def fence(client: Client, key: str, token: int) -> int:
    """Raise the fence to `token` and return what it was; raises StorageError.

    As many replicas have it then as must have an entry.
    """
    server = await client.servers.home(key)
    (shown,) = await client.settle(server, [("EVAL", _RAISE, 1, key, token)])
    if isinstance(shown, ResponseError):
        raise told(shown, server.address)
    return int(shown)
