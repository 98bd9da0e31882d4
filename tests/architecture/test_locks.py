import json
import re
import tomllib
from typing import Any

import pytest
from repository import ROOT

LOCKS = ("run", "test", "clients")
ENTRY = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)
HASHED = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
INTEGRITY = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")


def _text(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def _versions(lock: str) -> dict[str, str]:
    return {found["name"]: found["version"] for found in ENTRY.finditer(_text(lock))}


def _npm(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "tools/node" / name).read_text())


def _asked(group: str | None) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    given = project["dependencies"] if group is None else project["optional-dependencies"][group]
    return {re.split(r"[\s<>=!\[;]", line)[0] for line in given}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock):
    text = _text(lock)
    starts = [found.start() for found in ENTRY.finditer(text)]
    entries = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]

    assert entries
    assert [entry.splitlines()[0] for entry in entries if not HASHED.search(entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_nothing_but_versions_hashes_and_reasons(lock):
    """So it names no index, no address and no option of an installer."""
    allowed = re.compile(r"[a-z0-9._-]+==\S+( ; [^:/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    strange = [
        line
        for line in _text(lock).splitlines()
        if not allowed.fullmatch(line) and not line.lstrip().startswith("# ")
    ]

    assert strange == []
    assert "://" not in _text(lock)


def test_the_run_lock_is_a_part_of_the_test_lock():
    assert _versions("run").items() <= _versions("test").items()


def test_what_the_project_asks_for_is_locked():
    assert _asked(None) | _asked("setup") <= _versions("run").keys()
    assert _asked("test") <= _versions("test").keys()


def test_every_package_of_npm_is_locked_by_its_hash_alone():
    """Its address is left to npm's own settings, and no package of it may come from elsewhere."""
    text = (ROOT / "tools/node/package-lock.json").read_text()
    packages = {name: one for name, one in _npm("package-lock.json")["packages"].items() if name}

    assert packages
    assert [n for n, one in packages.items() if not INTEGRITY.fullmatch(one["integrity"])] == []
    assert [n for n, one in packages.items() if {"resolved", "link"} & one.keys()] == []
    assert "://" not in text


def test_what_is_asked_of_npm_is_exact_and_locked():
    asked = _npm("package.json")["dependencies"]
    packages = _npm("package-lock.json")["packages"]

    assert packages[""]["dependencies"] == asked
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked
