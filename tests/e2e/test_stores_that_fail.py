"""A store that begins to refuse while the service runs: `/health` names it, and nothing is lost.

Whatever refuses, the service goes on as far as it can. When the fault ends, the log holds every
trade that the venue has made, once, and every stored bucket is what brute force makes of that log.
"""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest
from deployed import PATIENCE_S
from old_day import cold_day, save_old_day, warm_days
from own_servers import DATABASE, SECRET, USER, OwnRedis, own_mongo, own_redis
from processes import eventually
from small_disk import small_disk
from venues import markets
from watched import Fault, running

from cloud_marketdata.domain.aggregate import state_hash
from cloud_marketdata.domain.values import Venue
from servers.mongodb_users import GuardedMongo


@pytest.fixture(scope="module")
def redis_of_ours(tmp_path_factory) -> Iterator[OwnRedis]:
    with own_redis(tmp_path_factory.mktemp("own-redis")) as server:
        yield server


@pytest.fixture
def empty(redis_of_ours, mongo_of_ours) -> None:
    """Nothing of the test before is left, and the service may come in."""
    redis_of_ours.renew()
    mongo_of_ours.drop(DATABASE)
    mongo_of_ours.admit(DATABASE, USER, SECRET, ["readWrite"])


@pytest.fixture(scope="module")
def mongo_of_ours(tmp_path_factory) -> Iterator[GuardedMongo]:
    with own_mongo(tmp_path_factory.mktemp("own-mongo")) as server:
        yield server


@pytest.mark.usefixtures("empty")
def test_a_redis_that_refuses(redis_of_ours, mongo_of_ours, s3, tmp_path):
    ours = redis_of_ours
    faults = [
        Fault(ours.expel, ours.admit, "redis", "refuses the user or password"),
        Fault(ours.change_password, ours.admit, "redis", "refuses the user or password"),
        Fault(ours.follow, ours.lead, "redis", "is a read-only replica"),
        Fault(ours.no_room, ours.room, "redis", "is out of memory"),
    ]
    with (
        markets((Venue.BINANCE_SPOT,), 5) as venues,
        running(tmp_path, venues, ours, mongo_of_ours, s3) as service,
    ):
        for fault in faults:
            fault.begin()
            eventually(lambda f=fault: service.names(f), PATIENCE_S)
            assert service.status() == "unhealthy"
            before = service.pulses()["journal"]["detail"]["entries"]
            eventually(
                lambda b=before: service.pulses()["journal"]["detail"]["entries"] > b, PATIENCE_S
            )
            fault.end()
            eventually(service.well, PATIENCE_S)
            service.deployed.look()


@pytest.mark.long
@pytest.mark.usefixtures("empty")
def test_a_mongodb_that_refuses(redis_of_ours, mongo_of_ours, s3, tmp_path):
    ours = mongo_of_ours

    def admit(*roles: str) -> None:
        ours.admit(DATABASE, USER, SECRET, roles)

    faults = [
        Fault(lambda: ours.expel(DATABASE, USER), lambda: admit("readWrite"), "mongodb", "refused"),
        Fault(lambda: admit("read"), lambda: admit("readWrite"), "mongodb", "may not do this"),
        Fault(ours.resign, ours.stand_again, "mongodb", "MongoDB: "),
    ]
    with (
        markets((Venue.BINANCE_SPOT,), 5) as venues,
        running(tmp_path, venues, redis_of_ours, ours, s3) as service,
    ):
        deployed = service.deployed
        for fault in faults:
            fault.begin()
            eventually(lambda f=fault: service.names(f), PATIENCE_S)
            assert service.status() == "unhealthy"
            logged = sum(deployed.log.ends().values())
            eventually(lambda n=logged: sum(deployed.log.ends().values()) > n, PATIENCE_S)
            fault.end()
            eventually(service.well, PATIENCE_S)
            deployed.look()


@pytest.mark.long
@pytest.mark.usefixtures("empty")
def test_a_journal_whose_disk_is_full(redis_of_ours, mongo_of_ours, s3, tmp_path):
    ours = redis_of_ours
    with (
        small_disk(tmp_path / "data", 8) as disk,
        markets((Venue.BINANCE_SPOT,), 5) as venues,
        running(tmp_path, venues, ours, mongo_of_ours, s3) as service,
    ):
        full = Fault(disk.fill, disk.relieve, "journal", "No space left on device")
        ours.expel()
        eventually(lambda: service.pulses()["journal"]["detail"]["entries"], PATIENCE_S)
        full.begin()
        eventually(lambda: service.names(full), PATIENCE_S)
        assert service.status() == "unhealthy"
        full.end()
        eventually(lambda: not service.names(full), PATIENCE_S)
        ours.admit()
        eventually(service.well, PATIENCE_S)


@pytest.mark.long
@pytest.mark.usefixtures("empty")
def test_a_bucket_whose_key_is_revoked(redis_of_ours, mongo_of_ours, s3_server, s3, tmp_path):
    """A day that is ready stays where it is until the bucket has it."""
    old = asyncio.run(save_old_day(mongo_of_ours.url, DATABASE))
    warm = partial(warm_days, mongo_of_ours.url, DATABASE)
    revoked = Fault(s3_server.shut_out, s3_server.let_in, "s3", f"bucket {s3.name} at ")
    revoked.begin()
    try:
        with (
            markets((Venue.BINANCE_SPOT,), 5) as venues,
            running(tmp_path, venues, redis_of_ours, mongo_of_ours, s3, "degraded") as service,
        ):
            eventually(lambda: service.names(revoked), PATIENCE_S)
            eventually(lambda: not service.pulses()["archive"]["ok"], PATIENCE_S)
            assert service.pulses()["archive"]["detail"]["waiting_days"] == 1
            assert asyncio.run(warm()) == [state_hash([old])]
            revoked.end()
            eventually(service.well, PATIENCE_S)
            eventually(lambda: asyncio.run(warm()) == [], PATIENCE_S)
        assert asyncio.run(cold_day(s3, old.start)) == state_hash([old])
    finally:
        revoked.end()
