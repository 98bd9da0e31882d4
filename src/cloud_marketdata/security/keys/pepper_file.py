"""Where the peppers come from: the settings, or a file that is made once in the data folder.

The file is written aside and linked into place, so of several processes that start at once one
makes it, all read the same, and none ever reads a half. Machines that share a MongoDB would each
make their own and refuse each other's keys: there the settings must name one.
"""

import os
import stat
from pathlib import Path
from random import Random
from typing import Final

import structlog

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.security.keys.peppers import Peppers

FILED: Final = "file"
"""Name of the pepper that lies in the data folder."""
_NAME: Final = "keys.pepper"
_BITS: Final = 256
_DIGITS: Final = _BITS // 4
_SHORTEST: Final = 16
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def open_peppers(settings: Settings, random: Random) -> Peppers:
    """Return the peppers of a deployment; blocks on the disk.

    random: a SystemRandom. A pepper file is made where neither the settings nor MongoDB say
    otherwise, and believed beside `key_peppers` where it is there already. Stores in memory get a
    pepper in memory. Raises SettingsError where a pepper is too short, the file is damaged or
    cannot be used, or keys are asked for and no pepper can be had.
    """
    named = {name: text.get_secret_value() for name, text in settings.key_peppers.items()}
    for name, text in named.items():
        _check(name, text)
    if settings.mongodb_url is not None:
        return _of_many_machines(named, settings)
    if settings.storage == "memory":
        return Peppers(named or {"memory": _new(random)})
    path = settings.data_dir / _NAME
    try:
        if not named and not path.exists():
            _make(path, _new(random), random)
        filed = {FILED: _read(path)} if path.exists() else {}
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise SettingsError(msg) from error
    return Peppers({**filed, **named})


def _of_many_machines(named: dict[str, str], settings: Settings) -> Peppers:
    peppers = Peppers(named)
    if settings.asks_for_keys:
        # Refused at the start, with the reason, and not at the first key.
        _ = peppers.current
    return peppers


def _check(name: str, text: str) -> None:
    if not name:
        msg = "key_peppers: a pepper needs a name"
        raise SettingsError(msg)
    if len(text) < _SHORTEST:
        msg = f"key_peppers: {name} is shorter than {_SHORTEST} characters"
        raise SettingsError(msg)


def _new(random: Random) -> str:
    return f"{random.getrandbits(_BITS):0{_DIGITS}x}"


def _make(path: Path, text: str, random: Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{random.getrandbits(64):016x}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(handle)
        _link(aside, path)
    finally:
        aside.unlink()


def _link(aside: Path, path: Path) -> None:
    try:
        # Unlike a rename, a link fails where somebody else was first.
        os.link(aside, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> str:
    if path.stat().st_mode & _OTHERS:
        structlog.get_logger().warning("keys.pepper_readable_by_others", path=str(path))
    text = path.read_text(errors="replace").strip()
    if len(text) != _DIGITS or set(text) - set("0123456789abcdef"):
        msg = f"{path} is damaged: without it the keys that were made with it are lost"
        raise SettingsError(msg)
    return text
