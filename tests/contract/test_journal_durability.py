"""What a journal has taken outlives its process, and a disk that is really full."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_samples import batch

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.entry import Entry, unstamped
from cloud_marketdata.storage.journal import Journal, JournalFullError

PROGRAM = Path(__file__).with_name("journalling_process.py")
MOST = 1 << 30
DISK_BYTES = 256 * 1024


def test_after_five_kills_every_entry_that_was_taken_is_there_once_and_in_order(tmp_path):
    told = 0
    for lines in range(40, 240, 40):
        with subprocess.Popen([sys.executable, PROGRAM, tmp_path], stdout=subprocess.PIPE) as one:
            for _ in range(lines):
                told = int(one.stdout.readline())
            one.kill()
    journal = Journal(tmp_path, MOST)
    found = []
    while entries := journal.first(100):
        found += [entry.position for entry in entries]
        journal.drop(len(entries))
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= told >= 40 * 5


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of a few pages."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    size = f"size={DISK_BYTES}"
    if not mount or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    if subprocess.run([mount, "-t", "tmpfs", "-o", size, "tmpfs", folder], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def entry(position: int) -> Entry:
    return unstamped(batch(*range(position, position + 50)))._replace(position=position)


def test_a_full_disk_is_told_and_what_was_taken_before_stays(small_disk):
    journal = Journal(small_disk, MOST)
    taken: list[Entry] = []

    def fill() -> None:
        while journal.bytes < 2 * DISK_BYTES:
            one = entry(len(taken) + 1)
            journal.add([one])
            taken.append(one)

    with pytest.raises(StorageError, match="No space left on device") as told:
        fill()
    assert not isinstance(told.value, JournalFullError)
    assert journal.entries == len(taken) > 10
    assert Journal(small_disk, MOST).entries == len(taken)

    assert journal.first(MOST) == taken
    journal.drop(len(taken))
    journal.add([entry(1)])
    assert Journal(small_disk, MOST).first(2) == [entry(1)]
