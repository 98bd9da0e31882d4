import os
import shutil
import subprocess

import pytest
from composed import CLUSTER, ROOT, Composed, variables

from servers.installed import program
from servers.program import HOST, free_port, until
from servers.redis import RedisServer

FOLDER = ROOT / "deploy/cluster"
PASSWORD = "of-this-test"  # noqa: S105  servers that live for seconds


@pytest.fixture
def nodes(tmp_path):
    """Six Redis servers with a password, of which none knows another."""
    options = ("--requirepass", PASSWORD, "--masterauth", PASSWORD, "--cluster-enabled", "yes")
    servers = [
        RedisServer(tmp_path / str(at), *options, "--cluster-port", free_port()) for at in range(6)
    ]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


def _environment() -> dict[str, str]:
    return {**os.environ, "REDISCLI_AUTH": PASSWORD}


def _ran(*command: object) -> str:
    words = [str(word) for word in command]
    return subprocess.run(
        words, env=_environment(), capture_output=True, text=True, check=True, timeout=60
    ).stdout


def _ask(node: RedisServer, *words: str) -> str:
    return _ran(program("redis-cli"), "-h", HOST, "-p", node.port, *words)


def test_the_job_makes_one_redis_cluster_and_changes_nothing_the_second_time(nodes):
    addresses = [f"{HOST}:{node.port}" for node in nodes]
    first = _ran("sh", FOLDER / "redis.sh", *addresses)
    until(lambda: _three_and_three(nodes[0]))
    _ran(program("redis-cli"), "-c", "-h", HOST, "-p", nodes[0].port, "set", "kept", "yes")
    before = _slots(nodes[0])
    second = _ran("sh", FOLDER / "redis.sh", *addresses)

    assert "All 16384 slots covered" in first
    assert second == "the cluster answers for every slot\n"
    assert _slots(nodes[0]) == before


def _slots(node: RedisServer) -> str:
    return _ask(node, "cluster", "slots")


def _three_and_three(node: RedisServer) -> None:
    lines = _ask(node, "cluster", "nodes").splitlines()
    masters = sum("master" in line for line in lines)
    assert (masters, len(lines) - masters) == (3, 3)
    assert "cluster_state:ok" in _ask(node, "cluster", "info")


@pytest.fixture
def unpacked(tmp_path):
    """A copy of the folder, so that secrets are written nowhere else."""
    shutil.copytree(
        FOLDER, tmp_path / "cluster", ignore=shutil.ignore_patterns(".env", "metrics.key")
    )
    return tmp_path / "cluster"


def test_every_secret_of_the_cluster_is_made_and_none_is_made_twice(unpacked):
    subprocess.run([unpacked / "secrets"], check=True)
    lines = (unpacked / ".env").read_text().splitlines()
    made = dict(line.split("=") for line in lines)
    wanted = {one.name for one in variables(CLUSTER) if one.default is None}

    assert made.keys() == wanted
    assert len(set(made.values())) == len(made)
    assert all(value.isalnum() and len(value) == 48 for value in made.values())
    assert (unpacked / ".env").stat().st_mode & 0o077 == 0
    assert Composed(CLUSTER, given=made).services["redis-1"]["environment"] == {
        "REDISCLI_AUTH": made["REDIS_PASSWORD"]
    }


def test_secrets_that_are_there_are_never_replaced(unpacked):
    (unpacked / ".env").write_text("REDIS_PASSWORD=of-the-first-start\n")
    run = subprocess.run([unpacked / "secrets"], capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert (unpacked / ".env").read_text() == "REDIS_PASSWORD=of-the-first-start\n"


def test_the_proxy_knows_every_replica_and_no_other():
    text = (FOLDER / "haproxy.cfg").read_text()
    served = [line.split()[1:3] for line in text.splitlines() if line.startswith("    server ")]
    composed = Composed(CLUSTER)
    serving = [
        name
        for name in composed.ours()
        if composed.environment(name).get("MARKETDATA_ROLE") == "serve"
    ]

    assert served == [[name, f"{name}:8000"] for name in serving]
    assert "bind :8000\n" in text
    assert composed.services["proxy"]["ports"][0].endswith(":8000")


@pytest.mark.parametrize("script", ["redis.sh", "secrets"])
def test_scripts_are_understood_by_a_plain_shell(script):
    subprocess.run(["sh", "-n", FOLDER / script], check=True)


@pytest.mark.parametrize("script", ["start.sh", "health.sh"])
def test_scripts_for_mongodb_are_understood_by_bash(script):
    subprocess.run(["bash", "-n", ROOT / "deploy/mongodb" / script], check=True)
