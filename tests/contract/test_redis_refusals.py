"""What is not a Redis for us is refused at the start, in one line that says why."""

import socket
from contextlib import ExitStack, suppress

import pytest
from contract_samples import TRADES, batch

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry
from cloud_marketdata.storage.redis import RedisPlan, open_redis
from cloud_marketdata.storage.redis.client import Client
from cloud_marketdata.storage.redis.keys import Keys
from cloud_marketdata.storage.redis.servers import OneServer
from cloud_marketdata.storage.redis.url import Options
from servers.redis import RedisServer

pytestmark = pytest.mark.anyio
LARGE = batch(*range(1, 20_000, 7))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def started(tmp_path):
    with ExitStack() as running:

        def start(*options: object) -> RedisServer:
            return running.enter_context(RedisServer(tmp_path / str(len(options)), *options))

        yield start


async def refused(url: str, **options: object) -> str:
    """Return what opening says."""
    with pytest.raises(StorageError) as error:
        async with open_redis(RedisPlan(url, **options), SystemClock(), above=0):
            pass
    text = str(error.value)
    assert "\n" not in text
    return text


async def filled(log) -> list[Entry]:
    """Write until it is refused; return all entries, the refused one last."""
    entries = []
    with suppress(StorageError):
        while True:
            entries += await log.stamp([LARGE])
            await log.write(entries[-1:])
    return entries


async def test_wrong_or_missing_credentials(started):
    server = started("--requirepass", "sesame")

    for front in ("", ":wrong@", "nobody:sesame@"):
        text = await refused(server.url.replace("//", f"//{front}"))
        assert "password" in text
        assert "sesame" not in text

    async with open_redis(
        RedisPlan(server.url.replace("//", "//:sesame@")), SystemClock(), above=0
    ) as hot:
        await hot.log.append([batch(1)])


async def test_a_user_who_may_not_write(started):
    server = started("--user", "reader", "on", ">p", "~*", "+@read", "+info", "+client", "+select")

    text = await refused(server.url.replace("//", "//reader:p@"))

    assert "does not let this user do that" in text


async def test_a_replica(started, redis_server):
    replica = started("--replicaof", "127.0.0.1", redis_server.port)

    assert "is a read-only replica" in await refused(replica.url)


async def test_a_server_that_becomes_a_replica_while_it_is_used(started, redis_server):
    server = started("--maxmemory", 0)
    async with open_redis(RedisPlan(server.url), SystemClock(), above=0) as hot:
        await hot.condition.probe()
        client = Client(OneServer(Options(server.url, 5)))
        await client.ask("", "REPLICAOF", "127.0.0.1", redis_server.port)
        entries = await hot.log.stamp([batch(1)])
        with pytest.raises(StorageError, match="read-only replica"):
            await hot.log.write(entries)
        with pytest.raises(StorageError, match="read-only replica"):
            await hot.condition.probe()
        await client.ask("", "REPLICAOF", "NO", "ONE")
        await hot.log.write(entries)
        await client.servers.close()


async def test_a_memory_that_is_full_is_told_and_what_it_held_up_is_written_later_once(started):
    server = started("--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
    async with open_redis(RedisPlan(server.url), SystemClock(), above=0) as hot:
        written = await filled(hot.log)
        with pytest.raises(StorageError, match="out of memory"):
            await hot.log.write(written[-1:])
        client = Client(OneServer(Options(server.url, 5)))
        await client.ask("", "CONFIG", "SET", "maxmemory", 0)
        await client.servers.close()
        await hot.log.write(written[-1:])

        held = await hot.log.read(TRADES, limit=len(written) + 1)
        assert [record.position for record in held] == [entry.position for entry in written]


async def test_a_policy_that_throws_log_entries_away(started):
    server = started("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")

    assert "would evict the log: its maxmemory-policy is allkeys-lru" in await refused(server.url)


async def test_a_newer_schema(redis_url):
    client = Client(OneServer(Options(redis_url, 5)))
    await client.ask("", "SET", Keys().schema, 2)
    await client.servers.close()

    told = "md:schema has schema version 2, this program reads 1; run the newer program"
    assert told in await refused(redis_url)


async def test_a_node_of_a_cluster_and_a_server_that_is_none(redis_url, redis_cluster_url):
    assert "set redis_cluster" in await refused(redis_cluster_url)
    assert "knows of no cluster" in await refused(redis_url, cluster=True)


async def test_nobody_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"redis://user:sesame@127.0.0.1:{free.getsockname()[1]}/0"

        text = await refused(url)

    assert "is away" in text
    assert "sesame" not in text


async def test_somebody_who_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        assert "does not answer in time" in await refused(url, timeout_s=0.2)


async def test_a_url_that_is_none():
    text = await refused("http://user:sesame@host")

    assert "cannot be read" in text
    assert "sesame" not in text
