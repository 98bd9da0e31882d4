"""`marketdata bench storage` measures real stores: what it says of their size can be seen there."""

import os
import subprocess
import sys
from collections.abc import Mapping

import msgspec
import obstore
import pymongo
import pytest
import redis
from processes import DATA

from cloud_marketdata.domain.values import Venue
from cloud_marketdata.storage.packing import unpack_events
from cloud_marketdata.storage.ports import Stream, StreamKind
from cloud_marketdata.storage.redis.keys import Keys

COMMAND = (sys.executable, "-m", "cloud_marketdata", "bench")
SMALL = ("--rounds", 1, "--profiles", 120, "--json")
TRADES = Stream(Venue.BINANCE_SPOT, "BTCUSDT", StreamKind.TRADES)


def bench(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    variables = {f"MARKETDATA_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        (*COMMAND, *map(str, arguments)),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, **variables},
    )


def measured(*arguments: object, minutes: int = 2, **settings: str) -> dict:
    done = bench("storage", *SMALL, "--minutes", minutes, *arguments, **settings)
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout)


def engines(rows: list[Mapping[str, str]]) -> set[tuple[str, str]]:
    return {(row["tier"], row["engine"]) for row in rows}


EMBEDDED = {("hot", "SQLite"), ("warm", "SQLite"), ("cold", "folder")}
SERVERS = {("hot", "Redis"), ("warm", "MongoDB"), ("cold", "S3")}


def test_a_seeded_market_is_measured_in_the_embedded_stores(tmp_path):
    found = measured("--data-dir", tmp_path)

    assert engines(found["sizes"]) == EMBEDDED
    assert engines(found["rates"]) - {("hot", "none")} == EMBEDDED
    assert min(rate["per_cpu_s"] for rate in found["rates"]) > 0
    [day] = [size for size in found["sizes"] if size["tier"] == "cold"]
    files = list((tmp_path / "cold").rglob("date=2024-08-08/*"))
    assert sum(file.stat().st_size for file in files) == day["bytes"]


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not beside the repository")
def test_a_capture_gives_its_own_trades():
    capture = DATA / "usdm_btcusdt_20240808.gz"
    listed = DATA / "instruments.json"

    found = measured("--capture", capture, "--instruments", listed, minutes=5)["stored"]

    # The file's own README: it spans 23:54:15 to 23:59:59, so five minutes are whole.
    assert found["recorded_minutes"] == 5
    assert found["trades"] == found["recorded_trades"]


def test_every_tier_that_has_a_server_is_measured_and_left_empty(deployment, s3):
    found = measured(**deployment, store_timeout_s="60")

    assert engines(found["sizes"]) == EMBEDDED | SERVERS
    assert all(size["bytes"] > 0 for size in found["sizes"])
    compared = {row["engine"] for row in found["rates"] if row["of_bare"]}
    assert compared == {"Redis", "MongoDB", "S3", "folder"}
    with redis.Redis.from_url(deployment["redis_url"]) as client:
        assert client.keys() == []
    with pymongo.MongoClient(deployment["mongodb_url"]) as client:
        assert not [name for name in client.list_database_names() if name.startswith("bench_")]
    assert list(obstore.list(s3.store())) == []


def test_a_capture_without_a_whole_minute_is_refused(tmp_path):
    (tmp_path / "empty").write_text("")

    done = bench("storage", "--capture", tmp_path / "empty")

    assert (done.returncode, done.stdout) == (2, "")
    assert "no whole minute" in done.stderr


def test_what_ingest_counted_is_in_the_redis_that_was_named(redis_url):
    done = bench("ingest", "--count", 5_000, "--redis-url", redis_url)

    assert done.returncode == 0, done.stderr
    result = msgspec.json.decode(done.stdout)
    assert list(result) == ["trades", "trades_per_cpu_s", "trades_per_s", "rss_mb"]
    with redis.Redis.from_url(redis_url) as client:
        entries = client.xrange(Keys().entries(TRADES))
    trades = [trade for _, entry in entries for trade in unpack_events(entry[b"e"])]
    assert result["trades"] == len(trades) == 5_000
    assert len({trade.id for trade in trades}) == 5_000
