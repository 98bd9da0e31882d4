"""Each command leaves exactly one audit event, whatever becomes of it, and no secret in it."""

import getpass
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from cyclopts import App

from cloud_marketdata.cli import app, run
from cloud_marketdata.core import masking

HELP = {"--help", "-h", "--version"}


def verbs(of: App, chain: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command that does something, as it is typed."""
    names = [name for name in of if name not in HELP]
    below = [verb for name in names for verb in verbs(of[name], (*chain, name))]
    return below or [chain]


VERBS = verbs(app)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a command sets up for its process is not left to the next test."""
    before, known, factory = (
        structlog.get_config(),
        list(masking._known),
        logging.getLogRecordFactory(),
    )
    yield
    structlog.configure(**before)
    masking._known[:] = known
    logging.setLogRecordFactory(factory)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A data folder that is there, and that the settings name."""
    for name in [name for name in os.environ if name.startswith("MARKETDATA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MARKETDATA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def events(folder: Path) -> list[dict[str, Any]]:
    """Return the events of commands, without what the log says of itself."""
    files = sorted((folder / "audit").glob("*/*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["surface"] == "cli"]


def test_there_are_verbs_at_every_depth():
    assert ("run",) in VERBS
    assert ("keys", "create") in VERBS
    assert ("bench", "ingest") in VERBS


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_verb_that_is_refused_leaves_one_event(verb, folder, capsys):
    assert run([*verb, "--no-such-option", "1"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    [event] = events(folder)
    assert event["action"] == " ".join(("cli", *verb))
    assert (event["outcome"], event["status"], event["code"]) == ("refused", 2, "bad_request")
    assert event["owner"] == getpass.getuser()


@pytest.mark.parametrize(
    "line",
    [
        "config",
        "config --json",
        "openapi",
        "asyncapi",
        "keys list",
        "keys create --owner me --scope market:read",
    ],
)
def test_a_verb_that_is_done_leaves_one_event(line, folder):
    assert run(line.split()) == 0
    [event] = events(folder)
    assert event["action"] == f"cli {line.partition(' --')[0]}"
    assert (event["outcome"], event.get("status", 0)) == ("ok", 0)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("health --url http://127.0.0.1:9", "venue_unavailable"),
        ("rebuild", "unknown_market"),
        ("keys revoke abcdefgh", "unknown_key"),
        ("keys create --owner me --scope all", "bad_request"),
        ("replay --venue bybit-spot no-such-file", "bad_capture"),
        ("run --port 99999", "bad_settings"),
        ("mcp --url garbage", "bad_request"),
        ("keys renew --file no-such-file --url http://127.0.0.1:9", "bad_request"),
    ],
)
def test_a_verb_that_fails_leaves_one_event_with_the_reason(line, code, folder):
    exit_code = run(line.split())
    [event] = events(folder)
    assert event["code"] == code
    assert event["status"] == exit_code > 0
    assert event["outcome"] == ("refused" if exit_code == 2 else "failed")


@pytest.mark.parametrize(
    "line", ["--help", "--version", "keys --help", "keys create --help", "bogus", "bench", ""]
)
def test_what_does_nothing_leaves_nothing(line, folder, capsys):
    run(line.split())
    capsys.readouterr()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("line", ["config", "openapi", "health --url http://127.0.0.1:9", "verify"])
def test_a_verb_that_needs_no_deployment_makes_none(line, folder, tmp_path):
    folder.rmdir()
    run(line.split())
    assert list(tmp_path.iterdir()) == []


def test_an_event_goes_where_the_command_was_sent(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("MARKETDATA_DATA_DIR")  # it would overrule the file
    other = tmp_path / "other"
    (tmp_path / "toml").write_text(f'data_dir = "{other}"\n')
    assert run(["keys", "list", "--config", str(tmp_path / "toml")]) == 0
    assert run(["keys", "list", "--data-dir", str(tmp_path / "third")]) == 0
    assert events(folder) == []
    assert len(events(other)) == 1
    assert len(events(tmp_path / "third")) == 1


def test_no_secret_of_an_argument_is_in_its_event(folder):
    hidden = "s3cret-of-one-store"
    url = f"redis://me:{hidden}@127.0.0.1:1/0"
    key = f"cmd_live_abcdefgh_{hidden}"
    run(["bench", "ingest", "--count", "1", "--url", "ws://127.0.0.1:9", "--redis-url", url])
    run(["keys", "revoke", key])
    run(["verify", f"2026-01-01{key}"])
    told = json.dumps(events(folder))
    assert len(events(folder)) == 3
    assert hidden not in told
    assert "redis://" in told


def test_a_change_of_keys_that_cannot_be_audited_is_told_and_is_no_success(folder, capsys):
    (folder / "audit").write_text("not a folder")
    assert run(["keys", "create", "--owner", "me", "--scope", "market:read"]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("cmd_live_")
    assert "done, and not audited" in told.err


def test_another_verb_that_cannot_be_audited_is_done_all_the_same(folder, capsys):
    (folder / "audit").write_text("not a folder")
    assert run(["config"]) == 0
    assert "done, and not audited" in capsys.readouterr().err
