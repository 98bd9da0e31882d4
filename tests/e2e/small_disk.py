"""A file system of a few megabytes that a test can fill and make read-only."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_PIECE: Final = bytes(64 * 1024)
_LAST: Final = bytes(1024)


class SmallDisk:
    """A mounted file system; `folder` is where."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte, whatever others free at the same time."""
        with self._ballast.open("ab", buffering=0) as file:
            for piece in (_PIECE, _LAST):
                _write_all(file.fileno(), piece)

    def relieve(self) -> None:
        """Have room again."""
        self._ballast.unlink()

    def read_only(self) -> None:
        """Let nobody write."""
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)


def _write_all(file: int, piece: bytes) -> None:
    try:
        while os.write(file, piece):
            pass
    except OSError:
        return


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount it; where that is not allowed the test is skipped."""
    folder.mkdir()
    mount = shutil.which("mount")
    if not mount or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    made = [mount, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
    if subprocess.run(made, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
