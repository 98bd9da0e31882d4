"""What a Redis URL says, as the driver wants it.

TLS is version 1.3 or none, and who answers is verified: a URL may name an authority and a
certificate of ours, and cannot make less of it. The URL holds a password: no error text and no repr
repeats it.
"""

import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cloud_marketdata.core.errors import SettingsError, StorageError

_OURS: Final = frozenset(
    {"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password"}
)
"""What a URL may say of TLS; all the rest could only weaken it."""


class Options:
    """How to connect to one server, and how long to wait for it at most.

    tls_ca: who vouches for the server, where the URL itself names nobody; by default the system's
        own authorities.

    Raises StorageError for a URL that cannot be read, SettingsError for one that weakens TLS.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float,
        tls_ca: Path | None = None,
        *,
        at: tuple[str, int] | None = None,
    ) -> None:
        self.timeout_s = timeout_s
        self._url = url
        self._tls_ca = tls_ca
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
            if tls_ca is not None and not self._values.keys() & {"ssl_ca_certs", "ssl_ca_path"}:
                self._values["ssl_ca_certs"] = str(tls_ca)

    def at(self, host: str, port: int) -> "Options":
        """Return the same for another server of the cluster."""
        return Options(self._url, self.timeout_s, self._tls_ca, at=(host, port))

    def connection(self) -> AbstractConnection:
        """Return a connection that is not open yet."""
        return self._class(**self._values)


def _parsed(url: str) -> dict[str, Any]:
    try:
        said = parse_qs(urlsplit(url).query)
        weaker = sorted(name for name in said if name.startswith("ssl") and name not in _OURS)
        if weaker:
            msg = f"redis_url: {weaker[0]} cannot be chosen; TLS is 1.3 and always verified"
            raise SettingsError(msg)
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
