import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from composed import BASE, CLUSTER, OPEN

CHECK = Path(sys.executable).with_name("check-jsonschema")
# What docker-compose 1.29, which Debian 12 has, knows nothing of.
TOO_NEW = {"name", "develop", "configs", "secrets", "include"}


def checked(path):
    schema = ("--builtin-schema", "vendor.compose-spec")
    return subprocess.run([CHECK, *schema, path], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", [BASE, OPEN, CLUSTER], ids=lambda path: path.name)
def test_a_compose_file_follows_the_specification(path):
    run = checked(path)

    assert run.returncode == 0, run.stdout


def test_the_checker_finds_a_slip_of_the_pen(tmp_path):
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(BASE.read_text().replace("depends_on:", "depend_on:", 1))

    assert checked(wrong).returncode == 1


@pytest.mark.parametrize("path", [BASE, OPEN, CLUSTER], ids=lambda path: path.name)
def test_an_old_docker_compose_understands_it(path):
    document = yaml.safe_load(path.read_text())

    assert not TOO_NEW & document.keys()
    for service in document["services"].values():
        assert not {"develop", "secrets", "configs"} & service.keys()
        assert "start_interval" not in service.get("healthcheck", {})
