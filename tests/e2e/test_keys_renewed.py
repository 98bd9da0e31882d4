"""`marketdata keys renew` against the real service: the file always holds a key that is taken."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from lossy_relay import relayed
from processes import COMMAND, NO_TLS, SLOW_S, eventually, serving

from cloud_marketdata.domain.values import Venue

ROTATE, SELF = "POST /v1/keys/self/rotate", "GET /v1/keys/self"
NOTHING = json.dumps({venue: [] for venue in Venue})


class Deployment(NamedTuple):
    """A service with keys that are due as soon as they are made."""

    url: str
    folder: Path

    def command(self, *arguments: object) -> subprocess.CompletedProcess:
        """Run a command about this deployment."""
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "MARKETDATA_DATA_DIR": str(self.folder)},
        )

    def renew(self, file: Path, url: str = "") -> subprocess.CompletedProcess:
        """Renew the key in a file, by the service's URL or by another."""
        return self.command("keys", "renew", "--file", file, "--url", url or self.url)

    def status(self, key: str) -> int:
        """Return what the service says to a key."""
        headers = {"Authorization": f"Bearer {key}"}
        asked = f"{self.url}/v1/keys/self"
        return httpx2.get(
            asked, headers=headers, timeout=SLOW_S, trust_env=False, verify=NO_TLS
        ).status_code


@pytest.fixture(scope="module")
def deployment(tmp_path_factory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    env = {
        "MARKETDATA_DATA_DIR": str(folder),
        "MARKETDATA_SYMBOLS": NOTHING,
        "MARKETDATA_REQUIRE_KEYS": "always",
        "MARKETDATA_KEY_ROTATE_DAYS": "0",
        "MARKETDATA_KEY_CACHE_S": "0",
        "MARKETDATA_LIMIT_PER_IP": "100000",
    }
    os.environ["MARKETDATA_KEY_ROTATE_DAYS"] = "0"
    try:
        with serving(env) as (_, url):
            yield Deployment(url, folder)
    finally:
        del os.environ["MARKETDATA_KEY_ROTATE_DAYS"]


@pytest.fixture
def file(deployment, tmp_path) -> Path:
    """A file with a new key, made beside the running service."""
    path = tmp_path / "bot.key"
    made = deployment.command(
        *("keys", "create", "--owner", "bot", "--scope", "market:read", "--file", path)
    )
    assert made.returncode == 0, made.stderr
    return path


def test_a_key_that_is_due_is_replaced_and_both_are_taken(deployment, file):
    old = file.read_text().strip()
    done = deployment.renew(file)
    new = file.read_text().strip()
    assert (done.returncode, done.stdout) == (0, "renewed\n"), done.stderr
    assert new != old
    assert (deployment.status(new), deployment.status(old)) == (200, 200)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [key for key in (old, new) if key in done.stdout + done.stderr]


def test_an_answer_that_was_lost_costs_nothing(deployment, file):
    old = file.read_text().strip()
    with relayed(deployment.url) as relay:
        relay.loses = lambda asked: asked == [SELF, ROTATE]
        assert deployment.renew(file, relay.url).returncode == 1
        assert file.read_text().strip() == old
        assert deployment.renew(file, relay.url).returncode == 0
    new = file.read_text().strip()
    assert new != old
    assert (deployment.status(new), deployment.status(old)) == (200, 200)
    listed = json.loads(deployment.command("keys", "list", "--json").stdout)["keys"]
    mine = [key for key in listed if key["lineage"] == old[9:17]]
    assert sorted(key["state"] for key in mine) == ["active", "retiring", "revoked"]


def test_a_successor_that_was_written_and_never_shown_is_shown_the_next_time(deployment, file):
    old = file.read_text().strip()
    with relayed(deployment.url) as relay:
        relay.loses = lambda asked: asked == [SELF, ROTATE, SELF]
        assert deployment.renew(file, relay.url).returncode == 1
        written = file.read_text().strip()
        assert written != old
        assert deployment.renew(file, relay.url).returncode == 0
    assert deployment.status(file.read_text().strip()) == 200
    assert deployment.status(written) == 200


def test_a_key_that_is_over_is_exit_3_and_the_file_stays(deployment, file):
    key = file.read_text()
    assert deployment.command("keys", "revoke", key[9:17]).returncode == 0
    done = deployment.renew(file)
    assert done.returncode == 3
    assert "key_revoked" in done.stderr
    assert file.read_text() == key
    assert key.strip() not in done.stderr


def test_two_renewers_of_one_file_leave_a_key_that_is_taken(deployment, file):
    line = [*COMMAND, "keys", "renew", "--file", str(file), "--url", deployment.url]
    both = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(process.communicate(timeout=60), process.returncode)[1] for process in both] == [0, 0]
    assert deployment.status(file.read_text().strip()) == 200


def test_a_renewer_that_goes_on_does_so_until_it_is_stopped(deployment, file):
    seen = {file.read_text()}
    line = [*COMMAND, "keys", "renew", "--file", str(file), "--url", deployment.url, "--every", "1"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:

        def twice() -> bool:
            seen.add(file.read_text())
            return len(seen) > 2

        eventually(twice, 30)
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert set(out.splitlines()) == {"renewed"}
    assert not [key for key in seen if key.strip() in out + err]
    assert deployment.status(file.read_text().strip()) == 200


@pytest.mark.parametrize(
    "url",
    ["http://192.0.2.1:8000", "ftp://127.0.0.1", "https://me:pw@127.0.0.1", "garbage", "http://"],
)
def test_a_key_goes_nowhere_where_others_may_read_it(deployment, tmp_path, url):
    path = tmp_path / "bot.key"
    path.write_text("cmd_live_ab12cd34_" + "k" * 38)
    done = deployment.renew(path, url)
    assert done.returncode == 2
    assert "marketdata: " in done.stderr
    assert "kkk" not in done.stderr


def test_what_answers_and_is_no_such_service_gets_nothing_done(deployment, file):
    key = file.read_text()
    assert deployment.renew(file, f"{deployment.url}/nowhere").returncode == 1
    assert deployment.renew(file, "http://127.0.0.1:9").returncode == 1
    assert file.read_text() == key
