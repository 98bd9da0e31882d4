"""The key that the bridge shows to a service: of a file that may be replaced at any time.

Whoever renews a key puts its successor into the same file. The file is looked at before each
request, and read when it has changed, or when the service does not take the key any more; so
nothing has to be started anew. A file that cannot be read meanwhile leaves the last key in force.
"""

from collections.abc import Generator
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx2
import structlog

from cloud_marketdata.core.secretfile import read_secret

_HEADER: Final = "Authorization"
_log = structlog.get_logger(__name__)


class KeyInFile(httpx2.Auth):
    """Shows the key of a file; raises OSError or ValueError where it holds none at first."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = _state(file)
        self._key = read_secret(file)

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Show the key, and another one if that is refused and the file holds another one."""
        self._look()
        shown = self._key
        request.headers[_HEADER] = f"Bearer {shown}"
        response = yield request
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        self._read()
        if self._key != shown:
            request.headers[_HEADER] = f"Bearer {self._key}"
            yield request

    def _look(self) -> None:
        """Read the file if it is another one than last time."""
        try:
            state = _state(self._file)
        except OSError as error:
            _log.warning("bridge.key_file_away", error=str(error))
            return
        if state != self._seen:
            self._seen = state
            self._read()

    def _read(self) -> None:
        try:
            self._key = read_secret(self._file)
        except (OSError, ValueError) as error:
            _log.warning("bridge.key_file_unreadable", error=str(error))


def _state(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
