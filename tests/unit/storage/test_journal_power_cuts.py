"""What a power cut may not do to a journal: lose a rename that was used, or tear an older file."""

import os
from errno import ENOSPC
from pathlib import Path

import pytest
from journal_samples import BTC, entry

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import TakenError
from cloud_marketdata.storage.journal import Journal


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """Names of what is synced and renamed, in order."""
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        done.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        sync(handle)

    def noted_rename(path: Path, target: Path) -> Path:
        done.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_rename)
    return done


def test_new_positions_are_durable_before_they_are_used(tmp_path, calls):
    journal = Journal(tmp_path, 1 << 20)
    journal.add([entry(10), entry(11)])
    journal.first(9)
    journal.sync()
    journal.restamp(TakenError(BTC, 10, 100))
    assert tmp_path.name in calls[calls.index("rename") :], "the folder knows the new name"


def test_a_file_is_whole_on_the_disk_before_the_next_one_begins(tmp_path, calls):
    journal = Journal(tmp_path, 16 << 10)
    for number in range(1, 60):
        before = set(tmp_path.glob("*.journal"))
        journal.add([entry(number, size=100)])
        if begun := set(tmp_path.glob("*.journal")) - before:
            assert {path.name for path in before} <= set(calls), f"{begun} is the only one open"
    assert len(set(tmp_path.glob("*.journal"))) > 3


def test_syncing_goes_on_after_a_file_that_never_came_to_be(tmp_path, monkeypatch):
    journal = Journal(tmp_path, 8 << 10)
    journal.add([entry(1, size=2000)])
    opened = os.open

    def full(path: object, flags: int, *more: object, **named: object) -> int:
        if flags & os.O_CREAT:
            raise OSError(ENOSPC, "No space left on device")
        return opened(path, flags, *more, **named)

    with monkeypatch.context() as disk:
        disk.setattr(os, "open", full)
        with pytest.raises(StorageError):
            journal.add([entry(2)])
    journal.sync()
