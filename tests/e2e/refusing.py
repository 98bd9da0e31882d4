"""A service that is to refuse to start: one line on stderr, and nothing on stdout."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from own_servers import SECRET
from processes import COMMAND, settings

PATIENCE_S: Final = 90
_MESSAGE: Final = "marketdata: "


def refusal(folder: Path, **places: str) -> str:
    """Start a service that collects nothing; return the one line with which it ends.

    places: settings by their names.
    """
    env = settings([], [], 9, folder, MARKETDATA_STORE_TIMEOUT_S="2")
    named = {f"MARKETDATA_{name.upper()}": value for name, value in places.items()}
    ended = _ended({**env, **named})
    assert ended.returncode in {1, 2}, ended
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith(_MESSAGE)
    assert SECRET not in lines[0]
    return lines[0].removeprefix(_MESSAGE)


def _ended(env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, "run", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, **env},
    )


def files(folder: Path) -> dict[str, bytes]:
    """Return what the files of a folder hold, but for the locks of processes."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
