"""A secret in a file of its own: for its owner alone, and at every moment whole, old or new.

Whoever reads it while it is replaced gets one of the two. What was replaced survives a loss of
power as long as the new one is not safe on the disk.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from cloud_marketdata.core.errors import BadRequestError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LONGEST: Final = 4096


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """Write the new content in the block; after it the file is that, and if it fails as before.

    The file beside it is made at once, so that who cannot write there learns it before there is a
    secret to be written. Raises OSError.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            yield file
            file.flush()
            os.fsync(handle)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _settle(path.parent)


def read_secret(path: Path) -> str:
    """Return the only line of the file; raises OSError, or ValueError where it is none."""
    if path.stat().st_size > _LONGEST:
        msg = f"{path} is too long for a secret"
        raise ValueError(msg)
    text = path.read_text("ascii", errors="replace").strip()
    if not text.isprintable() or not text or " " in text:
        msg = f"{path} does not hold one secret in one line"
        raise ValueError(msg)
    return text


@contextmanager
def naming(option: str) -> Iterator[None]:
    """Tell what is wrong with a secret's file as a BadRequestError that names the option.

    That there is no such file stays a FileNotFoundError, which commands tell in their own words.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        msg = f"{option}: {error}"
        raise BadRequestError(msg) from error


def is_private(path: Path) -> bool:
    """Whether only its owner may read or change the file."""
    return not path.stat().st_mode & _OTHERS


def _settle(folder: Path) -> None:
    """Have the new name on the disk too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
