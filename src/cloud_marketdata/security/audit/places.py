"""Where the log lies: a folder by writer, in it files that are named by their first line's number.

A writer that is at work holds the kernel's lock on its folder's `lock`, which goes with its process
however that ends. So there is never a second one in a chain, and others can tell that it is over.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

FOLDER: Final = "audit"
"""Below the data folder."""
_COMMANDS: Final = "cli-"
"""What the writer of a folder's commands is called before a name that no other folder has."""
_FILE: Final = re.compile(r"\d{16}\.jsonl", re.ASCII)
_WRITER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+\-]{0,150}", re.ASCII)


def file_name(seq: int) -> str:
    """Return the name of the file whose first line has this number."""
    return f"{seq:016d}.jsonl"


def first_in(path: Path) -> int:
    """Return the number of a file's first line, by its name."""
    return int(path.stem)


def writers_in(folder: Path) -> list[str]:
    """Return the writers that have a folder here, sorted; none where there is no log."""
    with suppress(FileNotFoundError, NotADirectoryError):
        found = (each.name for each in folder.iterdir() if each.is_dir())
        return sorted(name for name in found if _WRITER.fullmatch(name))
    return []


def files_of(home: Path) -> list[Path]:
    """Return a writer's files in the order of its chain."""
    with suppress(FileNotFoundError):
        return sorted(each for each in home.iterdir() if _FILE.fullmatch(each.name))
    return []


def strangers_in(folder: Path) -> list[Path]:
    """Return what lies in the log's folder and is none of its own."""
    found = [] if not folder.is_dir() else sorted(folder.iterdir())
    strange = [each for each in found if not each.is_dir() or not _WRITER.fullmatch(each.name)]
    for home in (each for each in found if each not in strange):
        strange += [
            each
            for each in sorted(home.iterdir())
            if not _FILE.fullmatch(each.name) and each.name != "lock"
        ]
    return strange


def is_of_commands(writer: str) -> bool:
    """Whether it is the chain of all commands that end at once, which goes on from one to another.

    Any other chain is over with its process.
    """
    return writer.startswith(_COMMANDS)


def home_of_commands(folder: Path) -> Path:
    """Return the folder of the commands' chain, which is made once; raises OSError.

    Its name is one that no other machine has, because the cold tier may be that of many.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        found = [folder / writer for writer in writers_in(folder) if is_of_commands(writer)]
        home = found[0] if found else folder / f"{_COMMANDS}{secrets.token_hex(6)}"
        home.mkdir(mode=0o700, exist_ok=True)
    finally:
        os.close(handle)
    return home


def writer_text(text: str) -> str:
    """Return a text with nothing in it that the name of a writer may not have."""
    return re.sub(r"[^A-Za-z0-9.+\-]", "-", text)[:60].strip(".-") or "x"


def lock_of(home: Path) -> int:
    """Return a handle on the writer's lock file, not locked yet; raises OSError."""
    return os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def held(home: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a writer's lock for the block; False where another has it and `wait` is not said.

    Raises OSError where the folder is not there.
    """
    handle = lock_of(home)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(handle)
        yield False
        return
    try:
        yield True
    finally:
        os.close(handle)
