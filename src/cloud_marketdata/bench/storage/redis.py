"""Redis, opened below a prefix of its own; beside it the bare driver and what the server tells."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import redis.asyncio

from cloud_marketdata.bench.storage.hot import A_CALL, BARE_MANY, BARE_ONE, TIER, Hot, Load
from cloud_marketdata.bench.storage.rates import Case, Name
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.storage.packing import pack_events
from cloud_marketdata.storage.ports import Stream
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.redis.keys import Keys

ENGINE: Final = "Redis"
_US: Final = 1_000_000


class BareRedis:
    """One Redis through the driver alone; everything is below `prefix`."""

    def __init__(self, url: str, prefix: str) -> None:
        self.prefix = prefix
        self._client = redis.asyncio.Redis.from_url(url, protocol=2)

    async def weigh(self, stream: Stream) -> dict[str, int]:
        """Return the bytes of the keys of a stream, in the server's memory."""
        keys = Keys(self.prefix)
        parts = {"entries": keys.entries(stream), "index": keys.times(stream)}
        found = {
            name: await self._client.memory_usage(key, samples=0) for name, key in parts.items()
        }
        return {name: taken or 0 for name, taken in found.items()}

    async def cpu_us(self) -> int:
        """Return what the server has used of CPU."""
        told = await self._client.info("cpu")
        return int((told["used_cpu_user"] + told["used_cpu_sys"]) * _US)

    def cases(self, load: Load) -> list[Case]:
        """Return the same appends by a pipeline of XADD and nothing else."""
        return [
            Case(Name(TIER, ENGINE, what, "trade"), self._add(load, a_call), self.cpu_us)
            for what, a_call in ((BARE_ONE, 1), (BARE_MANY, A_CALL))
        ]

    async def close(self) -> None:
        """Remove everything below the prefix."""
        async for key in self._client.scan_iter(f"{self.prefix}:*", count=1000):
            await self._client.unlink(key)
        await self._client.aclose()

    def _add(self, load: Load, a_call: int) -> Callable[[], Awaitable[int]]:
        trades = sum(map(len, load.batches))
        blocks = [pack_events(batch) for batch in load.batches]
        fresh = (f"{self.prefix}:bare-{a_call}-{number}" for number in count())

        async def work() -> int:
            key = next(fresh)
            for at in range(0, len(blocks), a_call):
                async with self._client.pipeline(transaction=False) as pipeline:
                    for block in blocks[at : at + a_call]:
                        pipeline.xadd(key, {"e": block})
                    await pipeline.execute()
            return trades

        return work


@asynccontextmanager
async def opened(settings: Settings, clock: Clock) -> AsyncIterator[tuple[Hot, BareRedis]]:
    """Open the log of the settings' Redis; raises BadRequestError for a cluster."""
    assert settings.redis_url is not None, "asked for where it is set"
    if settings.redis_cluster:
        msg = "bench storage measures one Redis, not a cluster"
        raise BadRequestError(msg)
    url, prefix = settings.redis_url.get_secret_value(), f"bench-{secrets.token_hex(4)}"
    plan = RedisPlan(
        url, replicas=settings.redis_replicas, timeout_s=settings.store_timeout_s, prefix=prefix
    )
    async with open_redis(plan, clock, above=0) as stores:
        bare = BareRedis(url, prefix)
        try:
            yield Hot(ENGINE, stores.part, bare.weigh, bare.cpu_us), bare
        finally:
            await bare.close()
