"""The key under which the log is chained: from the settings, or made once for this data folder.

Several machines with one cold tier should share it by `audit_key`: only who has it can verify.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from cloud_marketdata.core.config import Settings
from cloud_marketdata.core.errors import SettingsError, StorageError

_FILE: Final = "audit.key"
_SHORTEST: Final = 16


def audit_key(settings: Settings) -> bytes:
    """Return the key, and make one in `data_dir` where none is there.

    Raises SettingsError for a key that could be guessed, StorageError where none can be kept.
    """
    given = _given(settings)
    if given is not None:
        return given
    path = settings.data_dir / _FILE
    try:
        if not path.exists():
            _make(path)
        return _checked(path.read_bytes().strip(), str(path))
    except OSError as error:
        msg = f"audit key {path.name}: {error.strerror or error}"
        raise StorageError(msg) from error


def known_keys(settings: Settings, former: tuple[Path, ...] = ()) -> list[bytes]:
    """Return the keys to verify with, the present one first; none is made.

    Raises SettingsError where there is none at all, FileNotFoundError for a `former` file.
    """
    given = _given(settings)
    keys = [] if given is None else [given]
    path = settings.data_dir / _FILE
    for each in (*((path,) if path.exists() else ()), *former):
        if not each.is_file():
            raise FileNotFoundError(2, "no such file", str(each))
        keys.append(_checked(each.read_bytes().strip(), str(each)))
    if not keys:
        msg = f"no key to verify with: set audit_key, or keep {_FILE} in the data folder"
        raise SettingsError(msg)
    return keys


def _given(settings: Settings) -> bytes | None:
    if settings.audit_key is None:
        return None
    return _checked(settings.audit_key.get_secret_value().strip().encode(), "audit_key")


def _checked(key: bytes, name: str) -> bytes:
    if len(key) < _SHORTEST:
        msg = f"{name} is shorter than {_SHORTEST} characters, so it could be guessed"
        raise SettingsError(msg)
    return key


def _make(path: Path) -> None:
    """Make the file whole or not at all; of several who try at once, one does it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
