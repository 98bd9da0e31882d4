"""Questions of the command line to a running service: with a key, over TLS, and never elsewhere.

A key goes to https alone, or to this machine. Redirects are not followed, because they would take
it along, and proxies of the environment are for https alone.
"""

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cloud_marketdata import __version__
from cloud_marketdata.core.errors import VenueError
from cloud_marketdata.core.secretfile import naming, read_secret
from cloud_marketdata.core.service_url import ensure_key_may_go, ensure_service_url

_PATIENCE_S: Final = 10.0
_DONE: Final = (200, 201)


class AnswerError(VenueError):
    """The service answered, with a refusal; `answered` is the status."""

    def __init__(self, answered: int, text: str) -> None:
        super().__init__(text)
        self.answered = answered


class Caller:
    """Asks one service; `authority` is a PEM file of who vouches for it, None for the system's."""

    def __init__(self, url: str, authority: Path | None) -> None:
        ensure_service_url(url)
        self._url = url.rstrip("/")
        self._authority = authority
        self._is_secure = urlsplit(self._url).scheme == "https"

    def get(self, path: str, key: str | None) -> dict[str, Any]:
        """Return the `data` of an answer; raises VenueError."""
        return _data(*self.answer("GET", path, key))

    def post(self, path: str, key: str | None) -> dict[str, Any]:
        """Have something done and return the `data` of the answer; raises VenueError."""
        return _data(*self.answer("POST", path, key))

    def answer(self, method: str, path: str, key: str | None) -> tuple[int, Any]:
        """Return the status of an answer and its JSON document, or None; raises VenueError.

        Raises BadRequestError where the key would go over a network for all to read.
        """
        import httpx2  # noqa: PLC0415  slow to import

        from cloud_marketdata.security.tls.client import client_context  # noqa: PLC0415  see above

        if key is not None:
            ensure_key_may_go(self._url)
        headers = {"User-Agent": f"marketdata/{__version__}"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        try:
            with httpx2.Client(
                verify=client_context(self._authority),
                trust_env=self._is_secure,
                timeout=_PATIENCE_S,
                headers=headers,
            ) as client:
                answer = client.request(method, f"{self._url}{path}")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            msg = f"no answer of {self._url}{path}: {error}"
            raise VenueError(msg) from error
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, None


def own_key(file: Path | None) -> str | None:
    """Return the key of a file, or of MARKETDATA_KEY, or None; raises BadRequestError."""
    if file is None:
        return os.environ.get("MARKETDATA_KEY") or None
    with naming("--key-file"):
        return read_secret(file)


def refusal(status: int, document: Any) -> AnswerError:  # noqa: ANN401  whatever JSON it sent
    """Return the error that an answer other than the wanted one is."""
    told = document if isinstance(document, dict) else {}
    return AnswerError(
        status, f"{told.get('code', status)}: {told.get('detail', 'no more is told')}"
    )


def _data(status: int, document: Any) -> dict[str, Any]:  # noqa: ANN401  whatever JSON it sent
    if status in _DONE and isinstance(document, dict) and isinstance(document.get("data"), dict):
        found: dict[str, Any] = document["data"]
        return found
    raise refusal(status, document)
