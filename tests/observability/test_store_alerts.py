"""Stores that go away raise the committed alerts, and their return ends them."""

import time

import httpx2
import pytest
from processes import NO_TLS, eventually
from watched_service import scene

from servers.mongodb import MongoSet
from servers.program import HOST, free_port
from servers.redis import RedisServer

VENUE = "binance-usdm"


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A Redis and a MongoDB that nobody else uses."""
    folder = tmp_path_factory.mktemp("stores")
    with RedisServer(folder / "redis") as redis, MongoSet(folder / "mongodb") as mongo:
        yield {"redis": redis, "mongodb": mongo}


@pytest.fixture(scope="module")
def watched(tmp_path_factory, stores):
    """The service over both, and over an S3 that never was."""
    places = {
        "MARKETDATA_REDIS_URL": stores["redis"].url,
        "MARKETDATA_MONGODB_URL": stores["mongodb"].url,
        "MARKETDATA_S3_BUCKET": "nowhere",
        "MARKETDATA_S3_ENDPOINT": f"http://{HOST}:{free_port()}",
        "MARKETDATA_S3_ACCESS_KEY_ID": "nobody",
        "MARKETDATA_S3_SECRET_ACCESS_KEY": "nothing-to-hide",
        "MARKETDATA_TIERING_EVERY_S": "1",
    }
    with scene(tmp_path_factory.mktemp("watched"), [VENUE], **places) as found:
        yield found


def asked(watched, seconds):
    """Ask what only MongoDB can answer, for a while; an answer may be a refusal."""
    path = f"{watched.url}/v1/markets/{VENUE}/BTCUSDT/candles?timeframe=1m"
    ends = time.monotonic() + seconds  # noqa: TID251 - how long a test goes on
    while time.monotonic() < ends:  # noqa: TID251 - same
        httpx2.get(path, timeout=30, trust_env=False, verify=NO_TLS)


def test_a_cold_tier_that_is_gone(watched):
    eventually(lambda: watched.tower.query("sum(cmd_trades_total) > 10"))

    watched.tower.await_fired({"ColdTierDown"})


def test_a_warm_tier_that_is_gone(watched, stores):
    stores["mongodb"].kill()
    asked(watched, 8)
    watched.tower.await_fired({"StoreDown", "HttpErrors", "ServiceUnhealthy"})
    told = watched.tower.firing()["StoreDown"]
    assert {one["labels"]["name"] for one in told} == {"mongodb"}

    stores["mongodb"].start()
    watched.tower.await_silent({"StoreDown"}, 60)


@pytest.mark.long
def test_a_warm_tier_that_is_gone_for_long(watched, stores):
    stores["mongodb"].kill()
    watched.tower.await_fired({"ProcessingLag"}, 90)

    stores["mongodb"].start()
    watched.tower.await_silent({"StoreDown", "ProcessingLag"}, 60)


def test_a_hot_tier_that_is_gone(watched, stores):
    stores["redis"].kill()
    watched.tower.await_fired({"JournalFilling", "ComponentInTrouble"})
    eventually(lambda: "StoreDown" in watched.tower.firing())
    told = watched.tower.firing()["StoreDown"]
    assert {one["labels"]["name"] for one in told} == {"redis"}

    stores["redis"].start()
    watched.tower.await_silent({"StoreDown", "JournalFilling"}, 60)
