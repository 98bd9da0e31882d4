import json

import pytest
from audit_stage import KEY, NOW, written
from cyclopts import App

from cloud_marketdata.cli import audit
from cloud_marketdata.core.errors import BadTimeError, SettingsError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MARKETDATA_AUDIT_KEY", KEY.decode())
    written(tmp_path / "audit")
    return tmp_path


def run(*arguments: object) -> int:
    """Run the command; return what it answers."""
    app = App(name="marketdata")
    audit.register(app)
    return app(["audit", *map(str, arguments)], exit_on_error=False, result_action="return_value")


def test_a_log_that_is_well_is_exit_0_and_one_line(folder, capsys):
    assert run("verify", "--data-dir", folder) == 0
    assert capsys.readouterr().out == (
        "audit log: all is well (writers: 1, files: 3, lines: 24, anchors: 0)\n"
    )


def test_a_log_that_was_touched_is_exit_1_and_names_the_line(folder, capsys):
    path = sorted((folder / "audit/serve-a-1-1").glob("*.jsonl"))[1]
    path.write_bytes(path.read_bytes().replace(b'"owner":"ada"', b'"owner":"bob"', 1))

    assert run("verify", "--data-dir", folder) == 1

    name = f"serve-a-1-1/{path.name}"
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"{name}:1: seq 10 altered: its bytes do not fit its HMAC"
    assert last.startswith("audit log: problems: 1 (")


def test_the_document_has_each_fault_with_its_place(folder, capsys):
    path = min((folder / "audit/serve-a-1-1").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3] + lines[5:]))

    assert run("verify", "--local", "--json", "--data-dir", folder) == 1

    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["faults"] == [
        {
            "writer": "serve-a-1-1",
            "file": f"serve-a-1-1/{path.name}",
            "line": 4,
            "seq": 4,
            "wrong": "missing",
            "count": 2,
            "what": "it was removed",
        }
    ]


def test_a_torn_end_is_told_and_is_no_problem(folder, capsys):
    path = sorted((folder / "audit/serve-a-1-1").glob("*.jsonl"))[2]
    path.write_bytes(path.read_bytes()[:-7])

    assert run("verify", "--data-dir", folder) == 0
    out = capsys.readouterr().out
    assert "seq 24 truncated" in out
    assert "all is well" in out


def test_a_former_key_is_a_file(folder, monkeypatch, capsys):
    monkeypatch.setenv("MARKETDATA_AUDIT_KEY", "a newer key for newer lines")
    assert run("verify", "--data-dir", folder) == 1
    (folder / "former").write_bytes(KEY)

    assert run("verify", "--data-dir", folder, "--former-key", folder / "former") == 0
    capsys.readouterr()


def test_without_a_key_or_a_folder_nothing_is_said_of_the_log(folder, monkeypatch):
    with pytest.raises(FileNotFoundError):
        run("verify", "--data-dir", folder / "none")
    (folder / "other").mkdir()
    with pytest.raises(FileNotFoundError, match="no audit log"):
        run("verify", "--data-dir", folder / "other")
    monkeypatch.delenv("MARKETDATA_AUDIT_KEY")
    with pytest.raises(SettingsError, match="no key"):
        run("verify", "--data-dir", folder)


def test_show_tells_the_newest_events_oldest_first(folder, capsys):
    at = NOW // 1_000_000
    given = ("--since", at - 5, "--until", at + 5, "--data-dir", folder)
    run("show", *given, "--json", "--limit", 3, "--outcome", "ok", "--action", "market.trades")

    document = json.loads(capsys.readouterr().out)
    assert [each["params"]["n"] for each in document["events"]] == ["17", "18", "19"]
    assert document["more"] is True

    run("show", *given, "--limit", 1)
    assert "audit.close" in capsys.readouterr().out


def test_show_refuses_a_range_that_is_reversed(folder):
    with pytest.raises(BadTimeError):
        run("show", "--since", 10, "--until", 5, "--data-dir", folder)
