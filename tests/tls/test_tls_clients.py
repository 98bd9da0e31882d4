"""Each of our clients speaks TLS 1.3 with real servers, and refuses one that knows 1.2 only."""

import asyncio
import gc
import ssl
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from tls_servers import V2, V3, SecureMongo, SecureRedis, front, one_version, spoken
from tls_site import site

from cloud_marketdata.collectors.base import Ask, Limits
from cloud_marketdata.collectors.connection.transport import connector
from cloud_marketdata.collectors.rest.budget import Budget
from cloud_marketdata.collectors.rest.client import rest_at
from cloud_marketdata.core.breaker import CircuitBreaker
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import StorageError, VenueError
from cloud_marketdata.domain.values import Venue
from cloud_marketdata.security.tls.client import client_context
from cloud_marketdata.storage.mongo import MongoPlan, open_mongo
from cloud_marketdata.storage.objects.s3 import open_s3
from cloud_marketdata.storage.redis import RedisPlan, open_redis

pytestmark = pytest.mark.anyio

ALIAS = "127.0.0.2"
"""Another address of this machine, which the certificate does not have."""


def test_the_clients_context_is_made_once_and_takes_no_older_tls(pems):
    context = client_context(Path(pems.path("ca")))
    assert context is client_context(Path(pems.path("ca")))
    assert context.minimum_version is V3
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


LEAK = "ignore::pytest.PytestUnraisableExceptionWarning"
"""pymongo leaves a socket to the garbage collector when its handshake fails."""

# Venues


class Heard:
    """A receiver that keeps what it gets."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.ended = asyncio.Event()

    def message(self, payload: bytes, received_at: int) -> None:
        """See Receiver."""
        del received_at
        self.messages.append(payload)

    def read_done(self) -> None:
        """See Receiver."""
        self.ended.set()

    def ponged(self) -> None:
        """See Receiver."""


@asynccontextmanager
async def venue(pems, version):
    async with site() as served:
        with front(one_version(pems, version), served.port) as port:
            yield port


@asynccontextmanager
async def asked(port, tls):
    clock = SystemClock()
    door = {
        "budget": Budget(Limits(100, 60, 5), clock),
        "breaker": CircuitBreaker(5, 60, monotonic=clock.monotonic),
        "clock": clock,
    }
    async with rest_at(f"https://localhost:{port}", 5.0, **door, tls=tls) as rest:
        yield rest


async def test_a_venue_is_asked_over_1_3(pems):
    async with (
        venue(pems, V3) as port,
        asked(port, client_context(Path(pems.path("ca")))) as rest,
    ):
        assert await rest.get(Ask("/", 1)) == b"0"


async def test_a_venue_that_knows_1_2_only_is_not_asked(pems):
    async with (
        venue(pems, V2) as port,
        asked(port, client_context(Path(pems.path("ca")))) as rest,
    ):
        with pytest.raises(VenueError, match=r"(?i)protocol.version"):
            await rest.get(Ask("/", 1))


async def test_a_venue_without_a_known_authority_is_not_asked(pems):
    async with venue(pems, V3) as port, asked(port, None) as rest:
        with pytest.raises(VenueError, match=r"(?i)certificate verify failed"):
            await rest.get(Ask("/", 1))


async def test_a_venue_is_heard_over_1_3(pems):
    connect = connector(SystemClock(), client_context(Path(pems.path("ca"))))
    async with venue(pems, V3) as port:
        heard = Heard()
        transport = await connect(f"wss://localhost:{port}/", heard)
        transport.send(b"hello")
        await asyncio.wait_for(heard.ended.wait(), 5)
        transport.close()
        await transport.closed()
    assert heard.messages == [b"hello"]


async def test_a_venue_that_knows_1_2_only_is_not_heard(pems):
    connect = connector(SystemClock(), client_context(Path(pems.path("ca"))))
    async with venue(pems, V2) as port:
        with pytest.raises(VenueError, match=r"(?i)protocol.version"):
            await connect(f"wss://localhost:{port}/", Heard())


async def test_a_venue_without_a_known_authority_is_not_heard(pems):
    async with venue(pems, V3) as port:
        with pytest.raises(VenueError, match=r"(?i)certificate.verify.failed"):
            await connector(SystemClock())(f"wss://localhost:{port}/", Heard())


async def test_a_venue_under_another_name_is_not_heard(pems):
    connect = connector(SystemClock(), client_context(Path(pems.path("ca"))))
    with (
        front(one_version(pems, V3), 1, ALIAS) as port,
        pytest.raises(VenueError, match=r"(?i)certificate.verify.failed"),
    ):
        await connect(f"wss://{ALIAS}:{port}/", Heard())


# The servers that are refused are well: whoever is content with 1.2 speaks with each of them.


def test_the_old_redis_is_well(old_redis, pems):
    assert spoken(old_redis.secure_port, pems, V2) == "TLSv1.2"
    assert spoken(old_redis.secure_port, pems, V3) is None


def test_the_old_mongodb_is_well(old_mongo, pems):
    assert spoken(old_mongo.port, pems, V2) == "TLSv1.2"
    assert spoken(old_mongo.port, pems, V3) is None


def test_the_old_front_is_well(pems):
    with front(one_version(pems, V2), 1) as port:
        assert spoken(port, pems, V2) == "TLSv1.2"
        assert spoken(port, pems, V3) is None


# Redis


@pytest.fixture(scope="session")
def secure_redis(pems, tmp_path_factory):
    with SecureRedis(tmp_path_factory.mktemp("redis-1-3"), pems, V3) as server:
        yield server


@pytest.fixture(scope="session")
def old_redis(pems, tmp_path_factory):
    with SecureRedis(tmp_path_factory.mktemp("redis-1-2"), pems, V2) as server:
        yield server


def redis_of(server, authority):
    plan = RedisPlan(server.url, timeout_s=2.0, tls_ca=authority and Path(authority))
    return open_redis(plan, SystemClock(), above=0)


async def test_redis_is_written_and_read_over_1_3(secure_redis, pems):
    async with redis_of(secure_redis, pems.path("ca")) as hot:
        assert await hot.part.leases.acquire("a market", "me", seconds=10)
        assert await hot.part.leases.acquire("a market", "you", seconds=10) is None


async def test_a_redis_that_knows_1_2_only_is_refused(old_redis, pems):
    with pytest.raises(StorageError, match=r"(?i)protocol.version"):
        async with redis_of(old_redis, pems.path("ca")):
            pass


async def test_a_redis_without_a_known_authority_is_refused(secure_redis):
    with pytest.raises(StorageError, match=r"(?i)certificate verify failed"):
        async with redis_of(secure_redis, None):
            pass


# MongoDB


@pytest.fixture(scope="session")
def secure_mongo(pems, tmp_path_factory):
    with SecureMongo(tmp_path_factory.mktemp("mongo-1-3"), pems, V3) as server:
        server.found()
        yield server


@pytest.fixture(scope="session")
def old_mongo(pems, tmp_path_factory):
    with SecureMongo(tmp_path_factory.mktemp("mongo-1-2"), pems, V2) as server:
        server.found()
        yield server


def mongo_of(server, authority, timeout_s=3.0):
    return open_mongo(MongoPlan(server.url, "over_tls", timeout_s, authority and Path(authority)))


async def test_mongodb_is_written_and_read_over_1_3(secure_mongo, pems):
    async with mongo_of(secure_mongo, pems.path("ca"), 10.0) as warm:
        await warm.probe()
        assert await warm.part.instruments.find(Venue.BINANCE_SPOT, "BTCUSDT") is None


@pytest.mark.filterwarnings(LEAK)
async def test_a_mongodb_that_knows_1_2_only_is_refused(old_mongo, pems):
    with pytest.raises(StorageError, match=r"SSL handshake failed"):
        async with mongo_of(old_mongo, pems.path("ca")):
            pass
    gc.collect()


@pytest.mark.filterwarnings(LEAK)
async def test_a_mongodb_without_a_known_authority_is_refused(secure_mongo):
    with pytest.raises(StorageError, match=r"(?i)certificate verify failed"):
        async with mongo_of(secure_mongo, None):
            pass
    gc.collect()


# S3


class Cold(NamedTuple):
    """A bucket, and what stands before it."""

    objects: object
    port: int


@asynccontextmanager
async def bucket(s3, pems, version, authority):
    backend = int(s3.endpoint.rpartition(":")[2])
    with front(one_version(pems, version), backend) as port:
        yield Cold(
            open_s3(
                s3.name,
                endpoint=f"https://localhost:{port}",
                region=s3.region,
                prefix="",
                access_key_id=s3.key,
                secret_access_key=s3.secret,
                timeout_s=3.0,
                tls_ca=authority and Path(authority),
            ),
            port,
        )


async def test_s3_is_written_and_read_over_1_3(s3, pems):
    data = bytes(range(256)) * 10_000
    async with bucket(s3, pems, V3, pems.path("ca")) as cold:
        assert await cold.objects.put("a/b", data)
        assert not await cold.objects.put("a/b", b"again")
        assert await cold.objects.get("a/b") == data
        assert await cold.objects.list("a/") == ["a/b"]


async def test_an_s3_that_knows_1_2_only_is_refused(s3, pems):
    async with bucket(s3, pems, V2, pems.path("ca")) as cold:
        with pytest.raises(StorageError, match=r"TLS refused \(ProtocolVersion\)"):
            await cold.objects.probe()
        with pytest.raises(StorageError):
            await cold.objects.put("a/b", b"data")


async def test_an_s3_without_a_known_authority_is_refused(s3, pems):
    async with bucket(s3, pems, V3, None) as cold:
        with pytest.raises(StorageError, match=r"certificate refused \(UnknownIssuer\)"):
            await cold.objects.probe()


async def test_no_variable_leads_around_the_tunnel(s3, pems, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    async with bucket(s3, pems, V2, pems.path("ca")) as cold:
        with pytest.raises(StorageError, match=r"TLS refused \(ProtocolVersion\)"):
            await cold.objects.probe()
