"""The hot tier on Redis 7: the log on Streams, live books, leases, the query cache, quarantine.

One server or a cluster; everything of one market shares a slot. Whatever a driver or a server
raises leaves this package as StorageError.
"""

from cloud_marketdata.storage.redis.opening import RedisHot, RedisPlan, open_redis

__all__ = ["RedisHot", "RedisPlan", "open_redis"]
