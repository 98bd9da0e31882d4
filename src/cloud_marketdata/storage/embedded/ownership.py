"""One owner per duty and data folder: two collectors on one log would count every trade twice.

The lock is the kernel's, so it goes with its process however that ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud_marketdata.core.errors import BadRequestError


@contextmanager
def owned(folder: Path, duty: str) -> Iterator[None]:
    """Own a duty in a folder for the block; raises BadRequestError where another process does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{duty}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"another process already does {duty} in {folder}"
            raise BadRequestError(msg) from error
        yield
