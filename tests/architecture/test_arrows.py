import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from repository import PACKAGE, ROOT

TOOLS = Path(sys.executable).parent


def _contracts() -> list[dict[str, Any]]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return config["tool"]["importlinter"]["contracts"]


def test_every_import_contract_is_kept():
    run = subprocess.run(
        [TOOLS / "lint-imports", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_venue_file_is_held_apart_from_the_other_venues():
    files = {path.stem for path in (PACKAGE / "collectors/venues").glob("*.py")} - {"__init__"}
    apart = {}
    for contract in _contracts():
        if contract["name"].endswith("knows no other venue"):
            family = {module.rpartition(".")[2] for module in contract["source_modules"]}
            others = {module.rpartition(".")[2] for module in contract["forbidden_modules"]}
            apart[contract["name"]] = (family, others)

    assert apart
    for family, others in apart.values():
        assert family | others == files
        assert not family & others
    assert set().union(*(family for family, _ in apart.values())) == files


def test_nobody_silences_the_ban_on_clocks_randomness_and_loose_tasks():
    """Ruff refuses them; this run does not listen to `noqa` and knows one exception, the clock."""
    run = subprocess.run(
        [TOOLS / "ruff", "check", "--select", "TID251", "--ignore-noqa", "--quiet", "src"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
