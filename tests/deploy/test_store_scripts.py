import os
import subprocess

import pytest
from composed import BASE, CLUSTER, ROOT, Composed
from test_probe import answering

FOLDER = ROOT / "deploy/mongodb"


@pytest.fixture
def stubbed(tmp_path):
    """A bash script run where other programs only write down how they were called."""
    called = tmp_path / "called"
    called.write_text("")

    def run(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
        for name in ("docker-entrypoint.sh", "mongosh"):
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{called}"\nexit "${{CODE:-0}}"\n')
            program.chmod(0o755)
        given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path), **env}
        command = ["bash", *map(str, words)]
        return subprocess.run(command, env=given, capture_output=True, text=True, check=False)

    run.called = called.read_text
    run.folder = tmp_path
    return run


def test_a_node_of_mongodb_is_started_with_the_key_of_its_set_in_a_private_file(stubbed):
    run = stubbed(FOLDER / "start.sh", "mongod", "--replSet", "rs0", MONGODB_KEY="ofthisset")
    key = stubbed.folder / "mongodb.key"

    assert run.returncode == 0, run.stderr
    assert stubbed.called() == f"docker-entrypoint.sh mongod --replSet rs0 --keyFile {key}\n"
    assert key.read_text() == "ofthisset"
    assert key.stat().st_mode & 0o777 == 0o600


def test_without_a_key_no_node_is_started(stubbed):
    assert stubbed(FOLDER / "start.sh", "mongod").returncode != 0
    assert stubbed.called() == ""


def test_a_node_is_asked_by_its_shell_until_it_is_a_member_and_by_a_connection_from_then_on(
    stubbed,
):
    with answering(200) as (port, _):
        asked = [
            stubbed(FOLDER / "health.sh", "member.js", PORT=str(port), CODE=code).returncode
            for code in ("1", "1", "0", "0", "0")
        ]
    gone = stubbed(FOLDER / "health.sh", "member.js", PORT=str(port))

    assert asked == [1, 1, 0, 0, 0]
    assert len(stubbed.called().splitlines()) == 3
    assert gone.returncode == 1


@pytest.mark.parametrize("path", [BASE, CLUSTER], ids=["base", "cluster"])
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_an_s3_is_healthy_when_it_says_so(path, status, healthy):
    word, *command = Composed(path).services["minio"]["healthcheck"]["test"]
    with answering(status) as (port, asked):
        here = [part.replace("/9000 ", f"/{port} ") for part in command]
        run = subprocess.run(here, capture_output=True, text=True, check=False, timeout=20)

    assert word == "CMD"
    assert asked == ["/minio/health/live"]
    assert (run.returncode == 0) == healthy, run.stderr


@pytest.mark.parametrize("path", [BASE, CLUSTER], ids=["base", "cluster"])
def test_an_s3_that_is_not_there_is_not_healthy(path):
    _, *command = Composed(path).services["minio"]["healthcheck"]["test"]
    with answering(200) as (port, _):
        pass
    here = [part.replace("/9000 ", f"/{port} ") for part in command]

    assert subprocess.run(here, capture_output=True, check=False, timeout=20).returncode != 0
