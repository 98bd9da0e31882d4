"""The servers as fixtures: each is started at most once in a run, and only where a test asks.

`redis_server`, `redis_cluster`, `mongodb_server`, `mongodb_three` and `s3_server` are the servers
themselves. `redis_url`, `mongodb_url` with `mongodb_database`, and `s3` are one test's own part of
them: empty at first, and served by a server that runs, whatever the test before has done to it.
`deployment` is all three parts by the names of the settings.
"""

import uuid
from collections.abc import Iterator

import pytest

from servers.bucket import Bucket, new_bucket
from servers.ceph import Ceph
from servers.mongodb import MongoSet
from servers.redis import RedisServer
from servers.redis_cluster import RedisCluster
from servers.routing import WATCH


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters with a replica each."""
    with RedisCluster(tmp_path_factory.mktemp("redis-cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def mongodb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoSet]:
    """A replica set of one node."""
    with MongoSet(tmp_path_factory.mktemp("mongodb")) as server:
        yield server


@pytest.fixture(scope="session")
def mongodb_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoSet]:
    """A replica set of three nodes."""
    with MongoSet(tmp_path_factory.mktemp("mongodb-three"), nodes=3) as servers:
        yield servers


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """An S3."""
    with Ceph(tmp_path_factory.mktemp("ceph")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> Iterator[str]:
    """The URL of an empty database of the one Redis."""
    redis_server.start()
    yield redis_server.new_database()
    redis_server.start()
    redis_server.empty()


@pytest.fixture
def redis_cluster_url(redis_cluster: RedisCluster) -> str:
    """The URL of one node of the cluster, all six of which run and hold nothing."""
    redis_cluster.start()
    redis_cluster.empty()
    return redis_cluster.url


@pytest.fixture
def mongodb_database() -> str:
    """The name of a database that nobody else uses."""
    return f"test_{uuid.uuid4().hex}"


@pytest.fixture
def mongodb_url(mongodb_server: MongoSet, mongodb_database: str) -> Iterator[str]:
    """The URL of the one-node replica set; `mongodb_database` is dropped afterwards."""
    mongodb_server.start()
    yield mongodb_server.url
    mongodb_server.start()
    mongodb_server.drop(mongodb_database)


@pytest.fixture
def one_shard_each() -> Iterator[None]:
    """Fails where this process has asked what would not go to one shard of a sharded MongoDB."""
    WATCH.clear()
    yield
    assert WATCH.why == []


@pytest.fixture
def s3(s3_server: Ceph) -> Bucket:
    """An empty bucket."""
    s3_server.start()
    return new_bucket(s3_server)


@pytest.fixture
def deployment(
    redis_url: str, mongodb_url: str, mongodb_database: str, s3: Bucket
) -> dict[str, str]:
    """Redis, MongoDB and S3 by the names that the settings have for them."""
    return {
        "redis_url": redis_url,
        "mongodb_url": mongodb_url,
        "mongodb_database": mongodb_database,
        **s3.settings(),
    }
