"""One owner per duty and data folder: two collectors on one log would count every trade twice.

The lock is the kernel's, so it goes with its process however that ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

from cloud_marketdata.core.errors import BadRequestError, StorageError


@contextmanager
def owned(folder: Path, duty: str) -> Iterator[None]:
    """Own a duty in a folder for the block; the folder is made where it is missing.

    Raises BadRequestError where another process owns it, StorageError where nothing can be written.
    """
    with _opened(folder, duty) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"another process already does {duty} in {folder}"
            raise BadRequestError(msg) from error
        yield


def _opened(folder: Path, duty: str) -> BufferedWriter:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / f"{duty}.lock").open("wb")
    except OSError as error:
        msg = f"data folder: {error}"
        raise StorageError(msg) from error
