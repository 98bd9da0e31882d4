"""The servers themselves: what a test may rely on when it stops, kills or pauses one."""

import subprocess
import sys
import time
from pathlib import Path

import obstore
import pytest
import redis
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from servers.bucket import Bucket
from servers.ceph import Ceph
from servers.mongodb import MongoSet
from servers.program import HOST, Program, ServerError, until
from servers.redis import RedisServer
from servers.redis_cluster import RedisCluster

# A second Python that starts a server, says so, and would wait for ever.
_PARENT = """
import sys, time
from pathlib import Path
from servers.redis import RedisServer
server = RedisServer(Path(sys.argv[1]))
server.start()
print(server.port, flush=True)
time.sleep(600)
"""


@pytest.fixture(params=["stop", "kill"])
def end(request):
    """How a server is ended."""
    return request.param


def test_redis_keeps_what_it_confirmed(redis_server, redis_url, end):
    with redis.Redis.from_url(redis_url) as client:
        # By itself it puts a write off for up to two seconds where the disk is busy.
        client.config_set("appendfsync", "always")
        client.set("a", "1")

        getattr(redis_server, end)()
        with pytest.raises(redis.ConnectionError):
            client.get("a")
        redis_server.start()

        assert client.get("a") == b"1"


def test_mongodb_keeps_what_it_confirmed(mongodb_server, mongodb_url, mongodb_database, end):
    with MongoClient(mongodb_url) as client:
        found = client[mongodb_database]["x"].with_options(write_concern=WriteConcern(j=True))
        found.insert_one({"_id": 1})

        getattr(mongodb_server, end)()
        mongodb_server.start()

        assert found.count_documents({}) == 1


def test_s3_keeps_what_it_confirmed(s3_server: Ceph, s3: Bucket, end):
    obstore.put(s3.store(), "a", b"1")

    getattr(s3_server, end)()
    s3_server.start()

    assert obstore.get(s3.store(), "a").bytes() == b"1"


def test_a_paused_server_answers_when_it_goes_on(redis_server: RedisServer, redis_url):
    with redis.Redis.from_url(redis_url, socket_timeout=0.2, retry=None) as client:
        redis_server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        redis_server.resume()

        assert client.ping()


@pytest.mark.parametrize("name", ["redis_server", "mongodb_server", "s3_server"])
def test_start_lets_a_paused_server_go_on(name, request):
    server = request.getfixturevalue(name)

    server.pause()
    server.start()

    assert server.running


@pytest.mark.parametrize("turn", ["the first", "the second"])
def test_what_another_test_has_left_behind_is_not_seen(
    turn, redis_url, mongodb_url, mongodb_database, s3
):
    with redis.Redis.from_url(redis_url) as client, MongoClient(mongodb_url) as mongo:
        assert client.keys() == []
        client.set("a", turn)
        assert mongo[mongodb_database]["a"].count_documents({}) == 0
        mongo[mongodb_database]["a"].insert_one({"turn": turn})
    assert list(obstore.list(s3.store())) == []
    obstore.put(s3.store(), "a", turn.encode())


def test_a_replica_takes_over_from_a_killed_master(redis_cluster: RedisCluster, redis_cluster_url):
    with redis.RedisCluster.from_url(redis_cluster_url) as client:
        client.set("a", "1")
        client.wait(1, 1000, target_nodes=client.get_node_from_key("a"))
    first = redis_cluster.master_of("a")
    first.kill()

    until(lambda: _another(redis_cluster.master_of("a"), first), 20)
    with redis.RedisCluster.from_url(redis_cluster.master_of("a").url) as client:
        assert client.get("a") == b"1"


def test_another_node_takes_over_from_a_killed_primary(mongodb_three: MongoSet):
    with MongoClient(mongodb_three.url) as client:
        found = client["x"]["x"].with_options(write_concern=WriteConcern("majority"))
        found.insert_one({"_id": 1})
        first = mongodb_three.primary()
        first.kill()

        found.insert_one({"_id": 2})
        assert mongodb_three.primary() is not first
        mongodb_three.start()
        assert found.count_documents({}) == 2


def test_a_server_dies_with_the_process_that_started_it(tmp_path):
    command = [sys.executable, "-c", _PARENT, str(tmp_path)]
    tests = str(Path(__file__).parents[1])
    parent = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/bin", "PYTHONPATH": tests}
    )
    with parent.stdout as told:
        url = f"redis://{HOST}:{int(told.readline())}/0"
    with redis.Redis.from_url(url, retry=None) as client:
        assert client.ping()
        parent.kill()
        parent.wait()

        until(lambda: _refused(client), 5)


def test_a_server_that_is_not_installed_is_told_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerError, match=r"redis-server .*apt-get install .* redis-server"):
        RedisServer(tmp_path)


def test_a_program_that_ends_at_once_is_told_by_name_with_its_last_words(tmp_path):
    program = Program("loser", tmp_path, ["sh", "-c", "echo alas; exit 3"], lambda: 1 / 0)

    with pytest.raises(ServerError, match=r"(?s)loser does not answer: .*ended with 3.*alas"):
        program.start()


def test_a_program_that_stays_silent_is_ended(tmp_path):
    program = Program("mute", tmp_path, ["sleep", "600"], lambda: 1 / 0)
    program.launch()

    with pytest.raises(ServerError, match="mute does not answer: ZeroDivisionError"):
        program.await_answer(seconds=0.1)
    assert not program.running


def _another(one: object, first: object) -> None:
    assert one is not first


def _refused(client: redis.Redis) -> None:
    time.sleep(0.01)
    with pytest.raises(redis.ConnectionError):
        client.ping()
