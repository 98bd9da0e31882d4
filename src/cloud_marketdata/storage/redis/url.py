"""What a Redis URL says, as the driver wants it.

TLS is version 1.3 or none. The URL holds a password: no error text and no repr repeats it.
"""

import ssl
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cloud_marketdata.core.errors import StorageError


class Options:
    """How to connect to one server, and how long to wait for it at most."""

    def __init__(self, url: str, timeout_s: float, at: tuple[str, int] | None = None) -> None:
        self.timeout_s = timeout_s
        self._url = url
        values = {"host": "localhost", "port": 6379, **_parsed(url)}
        if at is not None:
            values["host"], values["port"] = at
        self.place: tuple[str, int] = values["host"], values["port"]
        self.address: str = values.get("path") or "{}:{}".format(*self.place)
        self._class: type[AbstractConnection] = values.pop("connection_class", Connection)
        if "path" in values:
            del values["host"], values["port"]
        self._values = values | _driven(timeout_s)
        if url.startswith("rediss:"):
            self._values["ssl_min_version"] = ssl.TLSVersion.TLSv1_3

    def at(self, host: str, port: int) -> "Options":
        """Return the same for another server of the cluster."""
        return Options(self._url, self.timeout_s, (host, port))

    def connection(self) -> AbstractConnection:
        """Return a connection that is not open yet."""
        return self._class(**self._values)


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(parse_url(url))
    except ValueError:
        # The driver's words repeat a part of the URL, which may be one of the password.
        msg = "the Redis URL cannot be read; are its user and password percent-encoded?"
        raise StorageError(msg) from None


def _driven(timeout_s: float) -> dict[str, Any]:
    """Return how the driver is to behave: bounded by us, no second tries, bytes."""
    return {
        "socket_connect_timeout": timeout_s,
        "socket_timeout": None,
        "retry": Retry(NoBackoff(), 0),
        "client_name": "marketdata",
        "driver_info": None,
        "protocol": 2,
    }
