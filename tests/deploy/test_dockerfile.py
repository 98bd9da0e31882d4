import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from composed import ROOT

from cloud_marketdata import __version__

DOCKERFILE = ROOT / "deploy/Dockerfile"
TEXT = DOCKERFILE.read_text().replace("\\\n", " ")
FINAL = TEXT.rpartition("FROM ")[2]
HADOLINT = Path(sys.executable).with_name("hadolint")


def _lines(instruction: str, text: str = TEXT) -> list[str]:
    return [
        line.split(maxsplit=1)[1]
        for line in text.splitlines()
        if line.startswith(f"{instruction} ")
    ]


def _linted(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HADOLINT, path], capture_output=True, text=True, check=False)


def test_the_linter_has_nothing_to_say():
    run = _linted(DOCKERFILE)

    assert (run.returncode, run.stdout) == (0, "")


def test_the_linter_would_say_something(tmp_path):
    careless = tmp_path / "Dockerfile"
    careless.write_text(DOCKERFILE.read_text().replace("WORKDIR /build", "RUN cd /build"))

    assert _linted(careless).returncode == 1


def test_what_is_copied_exists_and_is_not_ignored():
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"]
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = [
        source for line in _lines("COPY") if "--from=" not in line for source in line.split()[:-1]
    ]

    assert rules[0] == "*"
    assert set(copied) == kept
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("name", [".env", "var", ".git", ".venv", "deploy/cluster/.env", "tests"])
def test_nothing_else_goes_to_the_engine(name):
    kept = [
        rule[1:] for rule in (ROOT / ".dockerignore").read_text().splitlines() if rule[:1] == "!"
    ]

    assert not any(fnmatch(name, rule) or name.startswith(f"{rule}/") for rule in kept)


def test_the_image_is_of_this_version():
    assert f"VERSION={__version__}" in _lines("ARG", FINAL)
    assert f"cloud-marketdata:{__version__}" in DOCKERFILE.read_text()
    assert f"${{APP_VERSION:-{__version__}}}" in (ROOT / "docker-compose.yml").read_text()


def test_the_base_is_pinned_and_both_stages_stand_on_it():
    assert re.fullmatch(r"BASE=python:\d+\.\d+-slim-[a-z]+", _lines("ARG")[0])
    assert [line.split()[0] for line in _lines("FROM")] == ["${BASE}", "${BASE}"]


def test_nobody_in_the_image_is_root():
    user, group = _lines("USER", FINAL)[-1].split(":")

    assert int(user) >= 10_000
    assert int(group) >= 10_000


def test_only_what_the_lock_hashes_is_installed():
    installs = [
        part for line in _lines("RUN") for part in line.split("&&") if "pip install" in part
    ]

    assert len(installs) == 2
    assert all("--require-hashes" in one or "--no-index" in one for one in installs)
    assert not re.search(r"index-url|trusted-host|://", " ".join(_lines("RUN") + _lines("ENV")))


def test_signals_reach_the_service_and_not_a_shell():
    assert _lines("CMD", FINAL) == ['["marketdata", "run"]']
    assert _lines("STOPSIGNAL", FINAL) == ["SIGTERM"]
    assert "ENTRYPOINT" not in TEXT


def test_the_image_writes_to_its_volume_alone():
    (volume,) = _lines("VOLUME", FINAL)

    assert _lines("WORKDIR", FINAL) == [volume]
    assert f"MARKETDATA_DATA_DIR={volume}" in FINAL
    assert "PYTHONDONTWRITEBYTECODE=1" in FINAL
    assert "HOME=/tmp" in FINAL
