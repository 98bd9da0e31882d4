"""A store that refuses at the start ends it: one clear line names the tier, and it is left as is.

The cold tier is no exception to the rule but to its place: it may lag for days, so the service
starts without it and `/health` names it (test_stores_that_fail.py).
"""

import sqlite3
from collections.abc import Iterator

import pytest
from own_servers import DATABASE, SECRET, USER, OwnRedis, mongo_for, own_mongo, own_redis
from refusing import files, refusal
from small_disk import small_disk

from servers.mongodb_users import GuardedMongo
from servers.program import free_port

LONG = pytest.mark.long
NEWER = "has schema version 2, this program reads 1; run the newer program, see docs/upgrading.md"
STRANGERS = pytest.mark.parametrize(
    ("user", "password"),
    [
        pytest.param(USER, f"not-{SECRET}", id="password"),
        pytest.param("nobody", SECRET, id="user", marks=LONG),
    ],
)


@pytest.fixture(scope="module")
def redis_of_ours(tmp_path_factory) -> Iterator[OwnRedis]:
    with own_redis(tmp_path_factory.mktemp("own-redis")) as server:
        yield server


@pytest.fixture
def ours(redis_of_ours) -> OwnRedis:
    """An empty Redis that lets the service in."""
    redis_of_ours.renew()
    return redis_of_ours


@pytest.fixture(scope="module")
def mongo_of_ours(tmp_path_factory) -> Iterator[GuardedMongo]:
    with own_mongo(tmp_path_factory.mktemp("own-mongo")) as server:
        yield server


@STRANGERS
def test_a_redis_that_does_not_know_us(ours, tmp_path, user, password):
    line = refusal(tmp_path, redis_url=ours.url_of(user, password))

    assert line.startswith("Redis at 127.0.0.1:")
    assert "refuses the user or password" in line
    assert ours.client.dbsize() == 0


def test_a_redis_of_a_newer_schema(ours, tmp_path):
    ours.client.set("md:schema", 2)

    line = refusal(tmp_path, redis_url=ours.url_of())

    assert line == f"Redis: md:schema {NEWER}"
    assert [ours.client.keys(), ours.client.get("md:schema")] == [[b"md:schema"], b"2"]


def test_a_redis_that_only_follows_another_one(ours, tmp_path):
    ours.follow()

    line = refusal(tmp_path, redis_url=ours.url_of())

    assert line == f"Redis at 127.0.0.1:{ours.port} is a read-only replica"
    assert ours.client.dbsize() == 0


@STRANGERS
def test_a_mongodb_that_does_not_know_us(mongo_of_ours, tmp_path, user, password):
    line = refusal(tmp_path, **mongo_for(mongo_of_ours, user, password))

    assert line.startswith("MongoDB: the credentials are refused")


def test_a_mongodb_that_lets_us_only_read(mongo_of_ours, tmp_path):
    mongo_of_ours.admit(DATABASE, "reader", SECRET, ["read"])

    line = refusal(tmp_path, **mongo_for(mongo_of_ours, "reader"))

    assert line.startswith("MongoDB: the user may not do this")
    with mongo_of_ours.client() as client:
        assert client[DATABASE].list_collection_names() == []


def test_a_mongodb_of_a_newer_schema(mongo_of_ours, tmp_path):
    with mongo_of_ours.client() as client:
        schema = client[DATABASE].schema
        schema.insert_one({"_id": "marketdata warm", "version": 2})
        line = refusal(tmp_path, **mongo_for(mongo_of_ours))

        assert line == f"MongoDB: {DATABASE} {NEWER}"
        assert client[DATABASE].list_collection_names() == ["schema"]
        client.drop_database(DATABASE)


@LONG
def test_a_mongodb_without_a_primary(mongo_of_ours, tmp_path):
    mongo_of_ours.resign()
    try:
        line = refusal(tmp_path, **mongo_for(mongo_of_ours))
    finally:
        mongo_of_ours.stand_again()

    assert line.startswith("MongoDB: no ")
    with mongo_of_ours.client() as client:
        assert client[DATABASE].list_collection_names() == []


@pytest.mark.parametrize(
    ("setting", "url", "name"),
    [
        (
            "redis_url",
            "redis://md:{secret}@127.0.0.1:{port}/0",
            "Redis at 127.0.0.1:{port} is away",
        ),
        ("mongodb_url", "mongodb://md:{secret}@127.0.0.1:{port}/", "MongoDB: no "),
    ],
    ids=["redis", "mongodb"],
)
def test_a_server_that_is_not_there(tmp_path, setting, url, name):
    port = free_port()
    line = refusal(tmp_path, **{setting: url.format(secret=SECRET, port=port)})

    assert line.startswith(name.format(port=port))


@pytest.mark.parametrize("name", ["hot", "warm"])
def test_a_file_of_a_newer_schema(tmp_path, name):
    newer = sqlite3.connect(tmp_path / f"{name}.db")
    marks = {"hot": 0x4D44_484F, "warm": 0x4D44_5741}
    newer.executescript(f"PRAGMA application_id = {marks[name]}; PRAGMA user_version = 99;")
    newer.execute("CREATE TABLE x (y)")
    newer.close()
    before = files(tmp_path)[f"{name}.db"]

    line = refusal(tmp_path)

    assert line.startswith(f"{name}.db: the file has schema version 99, this program reads ")
    assert files(tmp_path)[f"{name}.db"] == before


def test_a_journal_of_another_version(ours, tmp_path):
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "0000000000000001.journal").write_bytes(b"mdjrnl9\nwhatever")
    before = files(folder)

    line = refusal(tmp_path, redis_url=ours.url_of())

    assert line == (
        "journal 0000000000000001.journal at byte 0: it is no journal, or one of another version"
    )
    assert files(folder) == before
    assert ours.client.dbsize() == 0


def test_a_data_folder_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("in the way")

    line = refusal(tmp_path / "data")

    assert line.startswith("data folder")
    assert str(tmp_path / "data") in line


@pytest.mark.parametrize("there", [False, pytest.param(True, marks=LONG)])
def test_a_disk_that_can_only_be_read(tmp_path, there):
    with small_disk(tmp_path / "disk", 8) as disk:
        if there:
            (disk.folder / "data").mkdir()
        disk.read_only()
        line = refusal(disk.folder / "data")

    assert "Read-only file system" in line
    assert line.startswith("data folder")


def test_a_disk_without_room(tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk:
        disk.fill()
        line = refusal(disk.folder)
        assert files(disk.folder).keys() <= {"ballast", "warm.db"}

    assert line == "warm.db: database or disk is full"
