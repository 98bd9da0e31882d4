"""How the Redis is, for `/health`: that it takes writes, which it is, and what it counts."""

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.redis.cache import RedisCache
from cloud_marketdata.storage.redis.check import check_schema, facts
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.log import RedisLog


class Condition:
    """Asks every master."""

    def __init__(self, client: Client, keys: Keys, log: RedisLog, cache: RedisCache) -> None:
        self._client = client
        self._keys = keys
        self._log = log
        self._cache = cache

    async def probe(self) -> None:
        """Raise StorageError unless every master answers and is one, and the schema's takes writes.

        One that is full or cannot save answers all the same, as long as it is only asked.
        """
        for server in await self._client.servers.masters():
            said = await facts(self._client, server)
            if said.get("role") != "master":
                self._client.servers.doubt(server)
                msg = f"Redis at {server.address} is a read-only replica"
                raise StorageError(msg)
        await check_schema(self._client, self._keys)

    async def info(self) -> dict[str, object]:
        """Return the engine, its memory in bytes, its replicas, and what this process has done."""
        masters = await self._client.servers.masters()
        said = [await facts(self._client, server) for server in masters]
        return {
            "engine": f"Redis {said[0]['redis_version']}",
            "servers": len(said),
            "used_memory": sum(int(one["used_memory"]) for one in said),
            "replicas": min(int(one["connected_slaves"]) for one in said),
            "append_only": all(one.get("aof_enabled") == "1" for one in said),
            "written": self._log.writing.written,
            "repeated": self._log.writing.repeated,
            "fenced": self._log.writing.fenced,
            "cache_failed": self._cache.failed,
        }
