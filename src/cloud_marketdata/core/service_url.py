"""The URL of a running service, as a user names it, and whether a key may go there.

A key goes by https, or to this machine: whoever asks a service from here holds to that one rule.
"""

from urllib.parse import urlsplit

from cloud_marketdata.core.config import is_loopback
from cloud_marketdata.core.errors import BadRequestError


def ensure_service_url(url: str) -> None:
    """Raise BadRequestError where it is no URL of a service, or holds credentials."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        msg = f"--url is https://host[:port]… or http://host[:port]…, not {url!r}"
        raise BadRequestError(msg)


def ensure_key_may_go(url: str) -> None:
    """Raise BadRequestError where a key would go over a network for all to read."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        msg = f"a key goes by https alone beyond this machine, not to {url}"
        raise BadRequestError(msg)
