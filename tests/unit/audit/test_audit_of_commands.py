import json
import multiprocessing
import time

import pytest
from audit_stage import StageClock, event, lines_of, settings_of, verified

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.security.audit.once import append_once


def appended(folder, name, count) -> None:
    """Append events, in a process of its own."""
    for number in range(count):
        append_once(settings_of(folder), event(number, owner=name), StageClock())


def told(folder) -> list[dict]:
    paths = sorted((folder / "audit").glob("cli-*/*.jsonl"))
    return [json.loads(line) for path in paths for line in lines_of(path) if line[-1:] == b"\n"]


def test_commands_go_on_in_one_chain(tmp_path):
    appended(tmp_path, "ada", 3)

    lines = told(tmp_path)
    assert [line["action"] for line in lines] == ["audit.start", *3 * ["market.trades"]]
    assert verified(tmp_path / "audit").faults == []
    assert verified(tmp_path / "audit").notes == []


def test_commands_that_run_at_once_are_let_in_one_by_one(tmp_path):
    several = multiprocessing.get_context("fork")
    names = ["ada", "bob", "cyd", "dan"]
    processes = [several.Process(target=appended, args=(tmp_path, name, 25)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)

    lines = told(tmp_path)
    assert [line["seq"] for line in lines] == list(range(1, 102))
    for name in names:
        own = [line["params"]["n"] for line in lines if line.get("owner") == name]
        assert own == [str(number) for number in range(25)]
    assert verified(tmp_path / "audit").faults == []
    assert len(list((tmp_path / "audit").iterdir())) == 1


def test_commands_of_two_folders_have_chains_of_different_names(tmp_path):
    appended(tmp_path / "a", "ada", 1)
    appended(tmp_path / "b", "bob", 1)

    assert len({path.name for path in tmp_path.glob("*/audit/cli-*")}) == 2


def test_behind_a_torn_line_the_chain_goes_on_in_a_new_file(tmp_path):
    appended(tmp_path, "ada", 3)
    path = next((tmp_path / "audit").glob("cli-*/*.jsonl"))
    path.write_bytes(path.read_bytes()[:-40])
    appended(tmp_path, "bob", 2)

    report = verified(tmp_path / "audit")
    assert [(fault.line, fault.seq, fault.wrong) for fault in report.faults] == [
        (4, 4, "truncated")
    ]
    assert report.ok
    assert [line["seq"] for line in told(tmp_path)] == [1, 2, 3, 4, 5]


def test_a_file_without_a_whole_line_is_begun_again(tmp_path):
    appended(tmp_path, "ada", 1)
    path = next((tmp_path / "audit").glob("cli-*/*.jsonl"))
    path.write_bytes(path.read_bytes()[:50])
    appended(tmp_path, "bob", 1)

    assert [line["seq"] for line in told(tmp_path)] == [1, 2]
    assert verified(tmp_path / "audit").faults == []


def test_a_line_that_was_spoilt_is_found_and_the_chain_goes_on(tmp_path):
    appended(tmp_path, "ada", 3)
    path = next((tmp_path / "audit").glob("cli-*/*.jsonl"))
    lines = lines_of(path)
    path.write_bytes(b"".join([*lines[:-1], b"spoilt\n"]))
    appended(tmp_path, "bob", 2)

    faults = verified(tmp_path / "audit").faults
    assert [(fault.line, fault.seq, fault.wrong) for fault in faults] == [(4, 4, "altered")]
    assert len(lines_of(path)) == 6


def test_a_file_that_is_full_is_closed(tmp_path):
    settings, clock = settings_of(tmp_path, audit_segment_mb=1), StageClock()
    append_once(settings, event(0), clock)
    path = next((tmp_path / "audit").glob("cli-*/*.jsonl"))
    # The end of a file is all that the next command reads of it.
    lines = lines_of(path)
    path.write_bytes(lines[0] * (1 << 12) + lines[1])
    append_once(settings, event(1), clock)
    append_once(settings, event(2), clock)

    assert json.loads(lines_of(path)[-1])["params"]["why"] == "size"
    assert len(list(path.parent.glob("*.jsonl"))) == 2


def test_what_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "audit").write_text("in the way")

    with pytest.raises(StorageError, match="audit"):
        append_once(settings_of(tmp_path), event(), StageClock())


def test_a_command_pays_little_for_it(tmp_path, record_property):
    settings, clock = settings_of(tmp_path), StageClock()
    append_once(settings, event(), clock)
    began = time.perf_counter()
    for number in range(20):
        append_once(settings, event(number), clock)
    each_ms = (time.perf_counter() - began) / 20 * 1000

    record_property("told", f"append_once: {each_ms:.2f} ms")
    assert each_ms < 100
