import re
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT, files, named

CONTRACT = (
    *("run", "demo", "simulate", "replay", "record", "config", "health", "mcp", "bench"),
    *("verify", "rebuild", "openapi", "asyncapi", "keys", "audit", "backup", "restore"),
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
MAKE = re.compile(r"\bmake ([a-z]+)")
VERB = re.compile(r"(?<![\w-])marketdata ([a-z]+)")
PAGES = [path for path in files(".md") if path.name != "CHANGELOG.md"]


@pytest.fixture(scope="module")
def offered():
    """The verbs that the command itself lists."""
    command = Path(sys.executable).with_name("marketdata")
    run = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"^\W*([a-z]+)(?:\s|$)", run.stdout, re.MULTILINE))


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _commands(page: Path, pattern: re.Pattern[str]) -> set[str]:
    """Return what stands behind a command in shell blocks and in code spans."""
    text = page.read_text()
    shell = [block for language, block in BLOCK.findall(text) if language == "sh"]
    spans = SPAN.findall(BLOCK.sub("", text))
    return {found for code in [*shell, *spans] for found in pattern.findall(code)}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_make_target_that_a_page_names_exists(page):
    assert _commands(page, MAKE) <= _targets()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_verb_that_a_page_names_exists(page, offered):
    assert _commands(page, VERB) <= offered


@pytest.mark.parametrize("verb", CONTRACT)
def test_a_verb_that_others_script_against_exists(verb, offered):
    assert verb in offered


def test_continuous_integration_runs_make_test_and_nothing_else():
    script = (ROOT / ".ci/run").read_text()
    commands = [line for line in script.splitlines() if line and line[0] != "#"]

    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "exec make test"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_every_make_target_says_what_it_does():
    described = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert described == _targets()
