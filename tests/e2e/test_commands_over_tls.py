"""Commands speak to a service over TLS, with a key, and believe nobody without a certificate."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from processes import COMMAND, serving

from cloud_marketdata.domain.values import Venue

MAKE_CERTS = Path(__file__).parents[2] / "scripts/make-certs"


class Guarded(NamedTuple):
    """A service that asks for keys over TLS; `folder` has `ca.pem` and `desk.key`."""

    url: str
    folder: Path

    def run(self, *line: object, **env: str) -> subprocess.CompletedProcess:
        """Run a command that knows nothing of the deployment but what it is given."""
        plain = {k: v for k, v in os.environ.items() if not k.startswith("MARKETDATA_")}
        return subprocess.run(
            [*COMMAND, *map(str, line)],
            cwd=self.folder,
            env={**plain, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    subprocess.run([MAKE_CERTS, folder], check=True, capture_output=True)
    env = {
        "MARKETDATA_DATA_DIR": str(folder / "data"),
        "MARKETDATA_SYMBOLS": json.dumps({venue: [] for venue in Venue}),
        "MARKETDATA_REQUIRE_KEYS": "always",
        "MARKETDATA_TLS_CERTIFICATE": str(folder / "server.pem"),
        "MARKETDATA_TLS_KEY": str(folder / "server-key.pem"),
    }
    with serving(env) as (_, url):
        made = Guarded(url, folder)
        line = ("keys", "create", "--owner", "desk", "--scope", "metrics:read")
        assert made.run(*line, "--file", "desk.key", **env).returncode == 0
        yield made


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (("--key-file", "desk.key", "--ca", "ca.pem"), {}),
        (("--key-file", "desk.key"), {"MARKETDATA_TLS_CA": "ca.pem"}),
        (("--ca", "ca.pem"), {"MARKETDATA_KEY": "{key}"}),
    ],
)
def test_health_is_asked_with_a_key_over_tls(guarded, options, env):
    key = (guarded.folder / "desk.key").read_text().strip()
    given = {name: value.format(key=key) for name, value in env.items()}
    done = guarded.run("health", "--url", guarded.url, *options, "--json", **given)
    assert done.returncode == 0, done.stderr
    # That is told to who has the scope, so the key has arrived.
    assert "detail" in json.loads(done.stdout)
    assert key not in done.stdout + done.stderr


def test_a_stranger_hears_no_more_than_that_it_lives(guarded):
    done = guarded.run("health", "--url", guarded.url, "--ca", "ca.pem", "--json")
    assert json.loads(done.stdout).keys() == {"status", "collectors", "storage", "uptime"}


def test_who_is_not_vouched_for_gets_no_key(guarded):
    done = guarded.run("health", "--url", guarded.url, "--key-file", "desk.key")
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr


def test_a_wrong_key_is_told_by_its_code(guarded):
    wrong = {"MARKETDATA_KEY": "cmd_live_ab12cd34_" + "k" * 38}
    done = guarded.run("health", "--url", guarded.url, "--ca", "ca.pem", **wrong)
    assert done.returncode == 1
    assert "key_invalid" in done.stderr
    assert "kkk" not in done.stderr


def test_a_key_is_renewed_over_tls(guarded):
    where = ("--file", "desk.key", "--url", guarded.url, "--ca", "ca.pem")
    done = guarded.run("keys", "renew", *where)
    assert (done.returncode, done.stdout) == (0, "not due\n"), done.stderr


def test_a_command_that_is_about_another_machine_makes_no_folder_here(guarded):
    assert not (guarded.folder / "var").exists()
