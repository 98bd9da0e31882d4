"""Deployments as the contract suite opens them: in memory, embedded, and on real servers.

A law of one tier runs over that tier's server, with the other tiers in memory; a law that joins
tiers runs over a deployment that has a server for each.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import msgspec
import pytest

from cloud_marketdata.core.clock import Clock
from cloud_marketdata.storage.composing import composed
from cloud_marketdata.storage.embedded import open_embedded
from cloud_marketdata.storage.memory import memory_stores
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.objects.archive import ObjectArchive
from cloud_marketdata.storage.objects.s3 import open_s3
from cloud_marketdata.storage.ports import Stores
from cloud_marketdata.storage.redis import RedisPlan, open_redis

Opening = AbstractAsyncContextManager[Stores]
_PATIENCE_S: Final = 5.0
_HOT: Final = {
    "test_event_log",
    "test_leases",
    "test_log_reader",
    "test_members",
    "test_query_cache",
    "test_quotas",
    "test_stream_replay",
    "test_trade_repository",
}
_WARM: Final = {
    "test_aggregate_repository",
    "test_coverage_repository",
    "test_flow",
    "test_flow_retention",
    "test_forgetting",
    "test_key_repository",
    "test_ownership_of_saves",
    "test_reconciliations",
}


def kinds_for(module: str) -> tuple[object, ...]:
    """Return the deployments over which the laws of a module are run."""
    if module == "test_tiers_fortnight":
        return "memory", "embedded", pytest.param("servers", marks=pytest.mark.long)
    if module in _HOT:
        return "memory", "embedded", "redis", "redis-cluster"
    if module in _WARM:
        return "memory", "embedded", "mongodb"
    return "memory", "embedded", "servers"


def opening(kind: str, request: pytest.FixtureRequest, clock: Clock) -> Opening:
    """Return what opens a new, empty deployment; only servers that it is made of are started."""
    return _OPENINGS[kind](request.getfixturevalue, clock)


@asynccontextmanager
async def _memory(_: Callable, clock: Clock) -> AsyncIterator[Stores]:
    yield memory_stores(clock)


def _embedded(given: Callable, clock: Clock) -> Opening:
    return open_embedded(given("tmp_path") / "data", clock)


def _redis(given: Callable, clock: Clock) -> Opening:
    return _hot(RedisPlan(given("redis_url"), timeout_s=_PATIENCE_S), clock)


def _redis_cluster(given: Callable, clock: Clock) -> Opening:
    prefix = f"test-{uuid.uuid4().hex}"
    url = given("redis_cluster_url")
    return _hot(RedisPlan(url, cluster=True, timeout_s=_PATIENCE_S, prefix=prefix), clock)


def _mongodb(given: Callable, clock: Clock) -> Opening:
    return _warm(MongoPlan(given("mongodb_url"), given("mongodb_database"), _PATIENCE_S), clock)


def _servers(given: Callable, clock: Clock) -> Opening:
    return _on_servers(given("deployment"), clock)


@asynccontextmanager
async def _hot(plan: RedisPlan, clock: Clock) -> AsyncIterator[Stores]:
    async with open_redis(plan, clock, above=0) as hot:
        yield msgspec.structs.replace(memory_stores(clock), **hot.part._asdict())


@asynccontextmanager
async def _warm(plan: MongoPlan, clock: Clock) -> AsyncIterator[Stores]:
    async with open_mongo(plan) as warm:
        yield msgspec.structs.replace(memory_stores(clock), **warm.part._asdict())


@asynccontextmanager
async def _on_servers(given: Mapping[str, str], clock: Clock) -> AsyncIterator[Stores]:
    """Open Redis, MongoDB and S3; `given` has the names of the settings."""
    mongodb = MongoPlan(given["mongodb_url"], given["mongodb_database"], _PATIENCE_S)
    redis = RedisPlan(given["redis_url"], timeout_s=_PATIENCE_S)
    objects = open_s3(
        given["s3_bucket"],
        endpoint=given["s3_endpoint"],
        region=given["s3_region"],
        prefix="",
        access_key_id=given["s3_access_key_id"],
        secret_access_key=given["s3_secret_access_key"],
        timeout_s=_PATIENCE_S,
    )
    async with open_mongo(mongodb) as warm:
        above = await warm.part.aggregates.highest()
        async with open_redis(redis, clock, above=above) as hot:
            yield composed(hot.part, warm.part, objects, ObjectArchive(objects), ())


_OPENINGS: Final[dict[str, Callable[[Callable, Clock], Opening]]] = {
    "memory": _memory,
    "embedded": _embedded,
    "redis": _redis,
    "redis-cluster": _redis_cluster,
    "mongodb": _mongodb,
    "servers": _servers,
}
