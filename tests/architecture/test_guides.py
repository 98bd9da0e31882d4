"""Whatever the operators' guides name is there: events, states, error codes, settings, metrics.

Names are taken out of the code itself; a guide that tells of one that has gone is wrong on the day
on which it is needed.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from repository import PACKAGE, ROOT, files

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.telemetry.catalogue import METRICS

GUIDES = [ROOT / f"docs/{name}.md" for name in ("operating", "upgrading", "troubleshooting")]
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
EVENT = re.compile(r"[a-z]+(?:_[a-z]+)?\.[a-z]+(?:_[a-z]+)*")
WORD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
METRIC = re.compile(r"(cmd|process)_[a-z_]+")
# Files and settings of others, which look like names of ours.
FOREIGN = {
    *("hot.db", "warm.db", "audit.key", "keys.pepper", "backup.jsonl", "collector.id"),
    *("detail.components", "quality.coverage", "quality.gaps"),
    *(
        "user_version",
        "time_implausible",
        "stop_grace_period",
        "not_done",
        "made_at",
        "standing_by",
    ),
}
LOGGED = re.compile(r'\.(?:debug|info|warning|error|exception|critical)\(\s*"([a-z_.]+)"')
TROUBLE = re.compile(r'\.(?:warning|error)\(\s*"([a-z_.]+)"')
STATE_ROW = re.compile(r"^\| ((?:`[a-z ]+`(?:, )?)+) \| [a-z ,]+ \|", re.MULTILINE)


@cache
def code() -> str:
    return "\n".join(path.read_text() for path in files(".py", PACKAGE))


@cache
def events() -> frozenset[str]:
    """Return what is logged: the first argument of a logger's method."""
    return frozenset(LOGGED.findall(code()))


@cache
def codes() -> frozenset[str]:
    """Return the values of everything that is called `code`."""
    return frozenset(re.findall(r'\bcode\b[^=\n]*=\s*"([a-z_]+)"', code()))


def named_in(guide: Path) -> set[str]:
    """Return what stands in code font, without whole blocks."""
    return set(CODE.findall(BLOCK.sub("", guide.read_text())))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_log_event_that_a_guide_names_is_logged(guide):
    named = {name for name in named_in(guide) if EVENT.fullmatch(name)} - FOREIGN

    assert named - events() == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_metric_that_a_guide_names_is_told(guide):
    named = {name for name in named_in(guide) if METRIC.fullmatch(name)}

    assert named - METRICS.keys() == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_setting_and_error_code_that_a_guide_names_exists(guide):
    named = {name for name in named_in(guide) if WORD.fullmatch(name)}
    known = {*Settings.model_fields, *codes(), *METRICS, *FOREIGN}

    assert named - known == set()


def test_every_state_that_the_guide_explains_is_a_word_of_the_code():
    guide = (ROOT / "docs/troubleshooting.md").read_text()
    table = guide.partition("## States in")[2]
    states = {state for row in STATE_ROW.findall(table) for state in CODE.findall(row)}

    assert len(states) > 15
    assert {state for state in states if f'"{state}"' not in code()} == set()


def test_every_warning_and_error_that_operators_meet_is_in_the_guide():
    """Rooms whose troubles are an operator's; a new event there wants an entry."""
    rooms = ("storage/journal", "storage/tiering", "collectors/connection", "core")
    found = {
        match
        for room in rooms
        for path in files(".py", PACKAGE / room)
        for match in TROUBLE.findall(path.read_text())
    }
    said = named_in(ROOT / "docs/troubleshooting.md")

    assert found - said == set()


def test_the_guides_quote_the_refusals_of_the_schemas_as_they_are():
    guide = (ROOT / "docs/upgrading.md").read_text()
    for said in (
        "run the newer program that wrote it, or restore a backup from before it",
        "and knows no step from there; begin with an empty folder",
        "run the newer program, see docs/upgrading.md",
    ):
        assert said in guide
        assert said in code()
