import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from composed import ROOT, settings_file

from cloud_marketdata.cli import app
from cloud_marketdata.core.config import Settings

FOLDER = ROOT / "deploy/systemd"
UNIT = (FOLDER / "marketdata.service").read_text()
# What systemd counts a unit's rights with, from 0 for none to 10 for all.
EXPOSURE = 2.0

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


def _told(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def _ran(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60
    )


@analyze
def test_systemd_has_nothing_to_say_of_the_unit(tmp_path):
    installed = tmp_path / "marketdata.service"
    command = Path(sys.executable).with_name("marketdata")
    installed.write_text(UNIT.replace("/usr/local/lib/marketdata/bin/marketdata", str(command)))
    run = _ran("verify", installed)

    assert (run.returncode, run.stderr) == (0, "")


@analyze
def test_systemd_finds_a_slip_of_the_pen(tmp_path):
    wrong = tmp_path / "marketdata.service"
    wrong.write_text(UNIT.replace("TimeoutStopSec", "TimeoutStopSeconds"))

    assert "TimeoutStopSeconds" in _ran("verify", wrong).stderr


@analyze
def test_the_unit_has_few_rights():
    run = _ran("security", "--offline=true", FOLDER / "marketdata.service")

    assert float(re.search(r"exposure level for \S+: ([\d.]+)", run.stdout)[1]) <= EXPOSURE


def test_the_command_is_one_of_ours():
    path, *words = _told("ExecStart")[0].split()

    assert Path(path).name == "marketdata"
    app.parse_args(words, exit_on_error=False, print_error=False)


def test_the_example_of_an_environment_is_valid_settings(monkeypatch):
    environment = settings_file(FOLDER / "marketdata.env")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told = {name.removeprefix("MARKETDATA_").lower() for name in environment}

    assert told <= Settings.model_fields.keys()
    assert Settings().host == "127.0.0.1"


def test_what_is_commented_out_there_are_settings_too():
    text = (FOLDER / "marketdata.env").read_text()
    names = {name.lower() for name in re.findall(r"^#MARKETDATA_(\w+)=", text, re.MULTILINE)}

    assert names
    assert names <= Settings.model_fields.keys()


def test_a_stop_has_more_time_than_the_service_takes():
    told = settings_file(FOLDER / "marketdata.env")["MARKETDATA_STOP_TIMEOUT_S"]

    assert int(_told("TimeoutStopSec")[0]) > float(told)
    assert int(_told("TimeoutStopSec")[0]) > Settings.model_fields["stop_timeout_s"].default


def test_a_reload_is_a_hangup_and_a_stop_a_termination():
    assert _told("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert _told("KillSignal") == ["SIGTERM"]


def test_wrong_settings_are_not_tried_again_and_again():
    assert _told("Restart") == ["on-failure"]
    assert _told("RestartPreventExitStatus") == ["2"]
