"""What a Redis must be before anything is written to it, and what it says of itself.

Refused, each in one line: an older version than the scripts need, a replica, a cluster's node taken
for a single server, a policy that would throw log entries away, a schema of a newer release.
"""

from typing import Final

from redis.exceptions import ResponseError

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.faults import told
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.server import Server
from cloud_marketdata.storage.redis.version import SchemaMark
from cloud_marketdata.storage.stepping import Ladder, climb

SCHEMA: Final = 1
_LADDER: Final = Ladder(SCHEMA)
_OLDEST: Final = 7

Facts = dict[str, str]
"""What INFO says, by its own names."""


async def facts(client: Client, server: Server) -> Facts:
    """Return what a server says of itself; raises StorageError where it does not."""
    (told_by_it,) = await client.attempt(server, [("INFO",)])
    if isinstance(told_by_it, ResponseError):
        raise told(told_by_it, server.address)
    lines = told_by_it.decode().splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


async def check(
    client: Client,
    keys: Keys,
    clock: Clock,
    *,
    cluster: bool,
    ladder: Ladder = _LADDER,
) -> None:
    """Raise StorageError unless every server is fit and the schema is ours, or can be made so."""
    for server in await client.servers.masters():
        _check_server(server, await facts(client, server), cluster=cluster)
    mark = SchemaMark(client, keys)
    # A full server takes no writes but must be opened all the same: who opens it may trim it.
    if await mark.read() != ladder.version:
        await mark.begin(ladder.version)
        await climb(mark, ladder, clock)


async def check_schema(client: Client, keys: Keys) -> None:
    """Raise StorageError unless the schema is ours; it is written where there is none.

    So a server that takes no writes, for whatever reason, says that too.
    """
    mark = SchemaMark(client, keys)
    await mark.begin(SCHEMA)
    if (found := await mark.read()) != SCHEMA:
        msg = f"{mark.name} has schema version {found}, this program reads {SCHEMA}"
        raise StorageError(msg)


def _check_server(server: Server, said: Facts, *, cluster: bool) -> None:
    trouble = ""
    version = said.get("redis_version", "0")
    if int(version.partition(".")[0]) < _OLDEST:
        trouble = f"is version {version}; {_OLDEST}.0 or later is wanted"
    elif said.get("cluster_enabled") == "1" and not cluster:
        trouble = "belongs to a cluster; set redis_cluster"
    elif said.get("role") != "master":
        trouble = "is a read-only replica"
    elif said.get("maxmemory") != "0" and said.get("maxmemory_policy", "").startswith("allkeys"):
        trouble = f"would evict the log: its maxmemory-policy is {said['maxmemory_policy']}"
    if trouble:
        msg = f"Redis at {server.address} {trouble}"
        raise StorageError(msg)
