"""Opens the stores of a deployment: each tier on the engine that the settings name.

A tier with a URL is Redis, MongoDB or S3; one without is embedded, or in memory. The warm tier
comes first, because the log's positions must begin above what is inside it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Final, NamedTuple

from pydantic import SecretStr

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.health import Component
from cloud_marketdata.storage.composing import composed
from cloud_marketdata.storage.embedded import open_embedded_hot, open_embedded_warm
from cloud_marketdata.storage.journal import Disk, JournalPulse, journaled, open_journal
from cloud_marketdata.storage.memory import memory_hot, memory_objects, memory_warm
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.objects.archive import ObjectArchive
from cloud_marketdata.storage.objects.s3 import open_s3
from cloud_marketdata.storage.objects.store import ObstoreObjects, folder_objects
from cloud_marketdata.storage.ports import HotPart, Stores, WarmPart
from cloud_marketdata.storage.pulse import StorePulse, hot_pulse, warm_pulse
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.trades import LoggedTrades

_SQLITE: Final = "embedded (SQLite)"
_MEMORY: Final = "memory"


class Deployment(NamedTuple):
    """What a process may open.

    appends: whether it collects, so that a journal stands by while Redis is away.
    """

    settings: Settings
    clock: Clock
    random: Random
    appends: bool


@asynccontextmanager
async def open_stores(of: Deployment) -> AsyncIterator[Stores]:
    """Open every tier; leaving the context finishes what is under way and closes them.

    Raises StorageError, in one line that names the tier, where one cannot be used.
    """
    async with AsyncExitStack() as stack:
        warm, warm_health = await _warm(of, stack)
        above = await warm.aggregates.highest()
        hot, *hot_health = await _hot(of, stack, above)
        objects, cold_health = open_cold(of.settings)
        pulses = (*hot_health, warm_health, cold_health)
        yield composed(hot, warm, objects, ObjectArchive(objects), pulses)


@asynccontextmanager
async def open_warm(of: Deployment) -> AsyncIterator[WarmPart]:
    """Open the warm tier alone, for what needs no other; ends and fails as `open_stores`."""
    async with AsyncExitStack() as stack:
        warm, _ = await _warm(of, stack)
        yield warm


def open_cold(settings: Settings) -> tuple[ObstoreObjects, StorePulse]:
    """Return the cold tier and its pulse; nothing is asked of a bucket yet."""
    if settings.s3_bucket is not None:
        objects, engine = open_bucket(settings, settings.s3_bucket), "S3"
    elif settings.storage == "memory":
        objects, engine = memory_objects(), _MEMORY
    else:
        objects, engine = folder_objects(settings.data_dir / "cold"), "folder"

    async def probe() -> Mapping[str, object]:
        await objects.probe()
        return {}

    return objects, StorePulse("s3", engine, probe)


def open_bucket(settings: Settings, bucket: str) -> ObstoreObjects:
    """Return the objects of the bucket that the settings describe."""
    return open_s3(
        bucket,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        prefix=settings.s3_prefix,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=_plain(settings.s3_secret_access_key),
        timeout_s=settings.store_timeout_s,
        tls_ca=settings.tls_ca,
    )


async def _warm(of: Deployment, stack: AsyncExitStack) -> tuple[WarmPart, Component]:
    settings = of.settings
    url = _plain(settings.mongodb_url)
    if url is not None:
        database, patience_s = settings.mongodb_database, settings.store_timeout_s
        plan = MongoPlan(url, database, patience_s, settings.tls_ca)
        mongo = await stack.enter_async_context(open_mongo(plan))

        async def probe() -> Mapping[str, object]:
            await mongo.probe()
            return {}

        return mongo.part, StorePulse("mongodb", mongo.engine, probe)
    if settings.storage == "memory":
        part = memory_warm()
        return part, warm_pulse(part, _MEMORY)
    part = await stack.enter_async_context(open_embedded_warm(settings.data_dir))
    return part, warm_pulse(part, _SQLITE)


async def _hot(
    of: Deployment, stack: AsyncExitStack, above: int
) -> tuple[HotPart, *tuple[Component, ...]]:
    settings = of.settings
    url = _plain(settings.redis_url)
    if url is not None:
        return await _redis(of, stack, url, above)
    if settings.storage == "memory":
        part = memory_hot(of.clock, above)
        return part, hot_pulse(part, _MEMORY)
    opened = open_embedded_hot(settings.data_dir, of.clock, above)
    part = await stack.enter_async_context(opened)
    return part, hot_pulse(part, _SQLITE)


async def _redis(
    of: Deployment, stack: AsyncExitStack, url: str, above: int
) -> tuple[HotPart, *tuple[Component, ...]]:
    settings = of.settings
    patience_s = settings.store_timeout_s
    disk: Disk | None = None
    if of.appends:
        journal = open_journal(settings.data_dir / "journal", settings.journal_mb << 20)
        disk = await stack.enter_async_context(journal)
        # What waits in it has its positions already.
        above = max(above, disk.journal.highest)
    plan = RedisPlan(
        url,
        settings.redis_cluster,
        settings.redis_replicas,
        patience_s,
        tls_ca=settings.tls_ca,
    )
    redis = await stack.enter_async_context(open_redis(plan, of.clock, above=above))

    async def probe() -> Mapping[str, object]:
        await redis.condition.probe()
        return await redis.condition.info()

    pulse = StorePulse("redis", "Redis", probe)
    if disk is None:
        return redis.part, pulse
    # One exchange may take its whole time-out, and a write is more than one.
    bridged = journaled(redis.log, disk, of.clock, of.random, patience_s=2 * patience_s)
    log = await stack.enter_async_context(bridged)
    part = redis.part._replace(log=log, trades=LoggedTrades(log))
    return part, pulse, JournalPulse(log)


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
