"""The servers of a deployment by the tier they stand for, and how they are taken away."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from outage_cases import Case

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.ports import Stream, StreamKind
from cloud_marketdata.storage.redis.keys import Keys
from servers.bucket import new_bucket
from servers.ceph import Ceph
from servers.group import Group
from servers.mongodb import MongoSet
from servers.program import Program
from servers.redis import RedisServer
from servers.redis_cluster import RedisCluster

Engine = Program | Group
_LOADED = Keys().entries(Stream(Venue.BINANCE_USDM, "BTCUSDT", StreamKind.TRADES))


class Servers(NamedTuple):
    """One engine a tier; `places` is where they are, by the names of the settings."""

    engines: Mapping[str, Engine]
    places: dict[str, str]

    def take(self, case: Case) -> None:
        """Begin the outage."""
        for tier in case.tiers:
            engine = self.engines[tier]
            if case.how in {"failover", "one"}:
                _leader(engine).kill()
            else:
                getattr(engine, case.how)()

    def give(self, case: Case) -> None:
        """End it; returns when the servers themselves answer again."""
        for tier in case.tiers:
            self.engines[tier].start()


def _leader(engine: Engine) -> Program:
    if isinstance(engine, RedisCluster):
        return engine.master_of(_LOADED)
    assert isinstance(engine, MongoSet)
    return engine.primary()


@contextmanager
def serving(engines: str, folder: Path) -> Iterator[Servers]:
    """Start what a plan names, for a run that is no test of pytest's."""
    redis: Engine
    with Ceph(_made(folder, "ceph")) as s3:
        if engines == "single":
            with RedisServer(folder / "redis") as redis, MongoSet(folder / "mongodb") as mongodb:
                yield servers(redis, mongodb, s3)
        else:
            with (
                RedisCluster(folder / "redis") as redis,
                MongoSet(folder / "mongodb", nodes=3) as mongodb,
            ):
                yield servers(redis, mongodb, s3)


def servers(redis: Engine, mongodb: MongoSet, s3: Ceph) -> Servers:
    """Return them with an empty database and a new bucket; the Redis must be empty already."""
    clustered = {"redis_cluster": "true", "redis_replicas": "1"}
    places = {
        "redis_url": redis.url,
        "mongodb_url": mongodb.url,
        "mongodb_database": f"outages_{uuid.uuid4().hex}",
        **new_bucket(s3).settings(),
        **(clustered if isinstance(redis, RedisCluster) else {}),
    }
    return Servers({"redis": redis, "mongodb": mongodb, "s3": s3}, places)


def _made(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    return folder / name
