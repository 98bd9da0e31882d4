"""Redis Cluster of six: one slot a market, and a master killed under load loses nothing."""

import asyncio
from contextlib import suppress

import pytest
from contract_samples import VENUE, batch
from redis.crc import key_slot

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import TakenError
from cloud_marketdata.storage.ports import Stream, StreamKind
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.stamps import stamped_again
from servers.program import ServerError

pytestmark = pytest.mark.anyio
MARKETS = [Stream(VENUE, f"M{number}USDT", StreamKind.TRADES) for number in range(12)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_the_keys_of_one_market_share_a_slot_and_those_of_two_do_not():
    keys = Keys()

    def slots(symbol: str) -> set[int]:
        streams = [Stream(VENUE, symbol, kind) for kind in StreamKind]
        names = [name(stream) for stream in streams for name in (keys.entries, keys.times)]
        names += [keys.marks(stream) for stream in streams] + [keys.book(VENUE, symbol)]
        return {key_slot(name.encode()) for name in names}

    assert len(slots("BTCUSDT")) == 1
    assert slots("BTCUSDT") != slots("ETHUSDT")


class Appender:
    """Appends to every market up to the number `until`, each entry until it is acknowledged."""

    def __init__(self, log) -> None:
        self.acknowledged: list[tuple[Stream, int]] = []
        self.errors = 0
        self.number = 0
        self.until = 1 << 60
        self._log = log

    async def run(self) -> None:
        """Append batches of one trade a market, numbered in their order."""
        while self.number < self.until:
            self.number += 1
            entries = await self._log.stamp([batch(self.number, stream=one) for one in MARKETS])
            while True:
                try:
                    await self._log.write(entries)
                    break
                except TakenError as taken:
                    entries = stamped_again(entries, taken)
                except StorageError:
                    self.errors += 1
                    await asyncio.sleep(0.05)
            self.acknowledged += [(one, self.number) for one in MARKETS]

    def of(self, market: Stream) -> list[int]:
        """Return what was acknowledged of a market, in its order."""
        return [number for of, number in self.acknowledged if of == market]


def numbers(records) -> list[int]:
    return [event.id for record in records for event in record.events]


async def test_an_append_on_any_node_by_another_process_ends_the_waits_for_its_market(
    redis_cluster_url,
):
    plan = RedisPlan(redis_cluster_url, cluster=True)
    async with (
        open_redis(plan, SystemClock(), above=0) as here,
        open_redis(plan, SystemClock(), above=0) as there,
        asyncio.timeout(20),
    ):
        elsewhere = asyncio.ensure_future(here.log.wait(VENUE, "ELSEWHERE", 3600))
        for market in MARKETS:
            assert await here.log.read(market) == []
            await there.log.append([batch(1, stream=market)])
            await here.log.wait(*market[:2], 3600)
            assert numbers(await here.log.read(market)) == [1]
        assert not elsewhere.done()
        elsewhere.cancel()


async def failed_over(cluster, key: str) -> None:
    """Kill the master of a key, wait for its replica to take over, and let it come back as one."""
    killed = await asyncio.to_thread(cluster.master_of, key)
    killed.kill()
    while True:
        with suppress(ServerError):
            if await asyncio.to_thread(cluster.master_of, key) is not killed:
                break
        await asyncio.sleep(0.05)
    # Until then nothing can be confirmed by two, and nothing is acknowledged.
    await asyncio.to_thread(cluster.start)


async def test_a_master_killed_under_load_loses_and_doubles_no_acknowledged_entry(
    redis_cluster, redis_cluster_url
):
    plan = RedisPlan(redis_cluster_url, cluster=True, replicas=1, timeout_s=2)
    async with open_redis(plan, SystemClock(), above=0) as hot, asyncio.timeout(60):
        reader = await hot.log.reader(MARKETS[0], after=0)
        appender = Appender(hot.log)
        async with asyncio.TaskGroup() as group:
            group.create_task(appender.run())
            await asyncio.sleep(0.3)
            read = await reader.read(10)
            await failed_over(redis_cluster, Keys().entries(MARKETS[0]))
            appender.until = appender.number + 50

        assert appender.errors
        assert await hot.log.streams() == sorted(MARKETS)
        for market in MARKETS:
            records = await hot.log.read(market, limit=10**6)
            assert numbers(records) == appender.of(market)
        while page := await reader.read():
            read += page
        assert numbers(read) == appender.of(MARKETS[0])
