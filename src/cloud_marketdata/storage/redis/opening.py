"""Opens the hot tier in Redis."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cloud_marketdata.core.beside import beside
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.storage.ports import HotPart
from cloud_marketdata.storage.redis.bell import Bell
from cloud_marketdata.storage.redis.books import RedisBooks
from cloud_marketdata.storage.redis.cache import RedisCache
from cloud_marketdata.storage.redis.check import check
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.condition import Condition
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.leases import RedisLeases
from cloud_marketdata.storage.redis.log import RedisLog
from cloud_marketdata.storage.redis.members import RedisMembers
from cloud_marketdata.storage.redis.quarantine import RedisQuarantine
from cloud_marketdata.storage.redis.quotas import RedisQuotas
from cloud_marketdata.storage.redis.servers import Cluster, OneServer
from cloud_marketdata.storage.redis.url import Options
from cloud_marketdata.storage.trades import LoggedTrades


class RedisPlan(NamedTuple):
    """Which Redis, and how it is used.

    replicas: how many must have an entry before it counts as appended.
    timeout_s: patience with one exchange.
    tls_ca: who vouches for the server; by default the system's own authorities.
    """

    url: str
    cluster: bool = False
    replicas: int = 0
    timeout_s: float = 5.0
    prefix: str = "md"
    tls_ca: Path | None = None


class RedisHot(NamedTuple):
    """The hot tier, its log as what it is, and the server's condition."""

    part: HotPart
    log: RedisLog
    condition: Condition


@asynccontextmanager
async def open_redis(plan: RedisPlan, clock: Clock, *, above: int) -> AsyncIterator[RedisHot]:
    """Open the tier; new positions lie above `above` and `clock` times the waiting for appends.

    Raises StorageError, in one line, where Redis is away or is not as it must be.
    """
    options = Options(plan.url, plan.timeout_s, plan.tls_ca)
    servers = Cluster(options) if plan.cluster else OneServer(options)
    patience_ms = max(1, int(plan.timeout_s * 500))
    client = Client(servers, replicas=plan.replicas, patience_ms=patience_ms)
    keys = Keys(plan.prefix)
    name = secrets.token_hex(8)
    try:
        await check(client, keys, clock, cluster=plan.cluster)
        log = RedisLog(client, keys, clock, name, above=above)
        bell = Bell(client, keys, log.wakeup, name)
        async with beside(bell.run(clock)):
            with suppress(TimeoutError):
                async with asyncio.timeout(plan.timeout_s):
                    await bell.tried.wait()
            yield _opened(client, keys, log)
    finally:
        await servers.close()


def _opened(client: Client, keys: Keys, log: RedisLog) -> RedisHot:
    cache = RedisCache(client, keys)
    part = HotPart(
        log=log,
        trades=LoggedTrades(log),
        books=RedisBooks(client, keys),
        quarantine=RedisQuarantine(client, keys),
        leases=RedisLeases(client, keys),
        members=RedisMembers(client, keys),
        cache=cache,
        quotas=RedisQuotas(client, keys),
    )
    return RedisHot(part, log, Condition(client, keys, log, cache))
