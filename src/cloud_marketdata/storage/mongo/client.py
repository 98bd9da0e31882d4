"""Connects to MongoDB: durable writes, no read of what may still be rolled back, and patience.

It refuses a server without transactions, an old one, and one that nobody can write to. Whether TLS
is spoken says the URL, which holds credentials and is never shown; how, says `pinned`.
"""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from cloud_marketdata.core.errors import StorageError
from cloud_marketdata.storage.mongo.expelled import Expelled
from cloud_marketdata.storage.mongo.names import Document
from cloud_marketdata.storage.mongo.pinned import PinnedClient

_OLDEST: Final = 6


class MongoPlan(NamedTuple):
    """Where the warm tier is.

    timeout_s: patience with one request or one transaction.
    tls_ca: who vouches for the servers, where the URL itself names nobody; by default the system's
        own authorities.
    """

    url: str
    database: str
    timeout_s: float
    tls_ca: Path | None = None

    def __repr__(self) -> str:
        return f"MongoPlan(database={self.database!r}, timeout_s={self.timeout_s})"


@asynccontextmanager
async def connect(plan: MongoPlan) -> AsyncIterator[AsyncMongoClient[Document]]:
    """Open a client and close it at the end; raises StorageError where the URL is wrong.

    Raises SettingsError where it weakens TLS.
    """
    try:
        client = _client(plan)
    except (PyMongoError, ValueError, TypeError, UserWarning):
        # The driver's text may quote the URL, and a chain of errors would print it.
        msg = "MongoDB: the URL or one of its options cannot be used"
        raise StorageError(msg) from None
    try:
        yield client
    finally:
        await client.close()


def _client(plan: MongoPlan) -> AsyncMongoClient[Document]:
    with warnings.catch_warnings():
        # An option that the driver does not know is a mistake in the URL, not a remark.
        warnings.simplefilter("error", UserWarning)
        expelled = Expelled()
        client = PinnedClient(
            plan.url,
            appname="marketdata",
            event_listeners=[expelled],
            timeoutMS=round(plan.timeout_s * 1000),
            # What was acknowledged survives the loss of any minority of the nodes.
            w="majority",
            journal=True,
            readConcernLevel="majority",
            readPreference="primary",
            **_authority(plan),
        )
    client.check_pinned()
    expelled.watch(client)
    return client


def _authority(plan: MongoPlan) -> dict[str, Any]:
    """Return who vouches for the servers where TLS is on; the option alone would turn it on."""
    parts = urlsplit(plan.url)
    said = {name.lower(): value for name, value in parse_qsl(parts.query)}
    wanted = said.get("tls", said.get("ssl", str(parts.scheme == "mongodb+srv"))).lower()
    if plan.tls_ca is None or wanted != "true" or "tlscafile" in said:
        return {}
    return {"tlsCAFile": str(plan.tls_ca)}


async def checked_version(client: AsyncMongoClient[Document]) -> str:
    """Return the server's version; raises StorageError where it cannot do what is needed."""
    hello = await client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        msg = "MongoDB: a server on its own has no transactions; make it a replica set"
        raise StorageError(msg)
    version = str((await client.server_info())["version"])
    if int(version.partition(".")[0]) < _OLDEST:
        msg = f"MongoDB: version {version} is too old, {_OLDEST} is the oldest that will do"
        raise StorageError(msg)
    return version
