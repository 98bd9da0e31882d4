"""Opens connections anew whose user the server does not know any more.

A connection is authenticated once. Where its user is removed, everything on it is refused for ever,
also when the user is back; the driver knows no reason to close it. It has no public way to ask for
that either, so the generation of its pools is moved on, as it does itself after a lost connection.
"""

from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

_UNAUTHORIZED: Final = 13
_SIGN: Final = "requires authentication"


class Expelled(CommandListener):
    """Watches the commands of one client."""

    def __init__(self) -> None:
        self._client: AsyncMongoClient[Any] | None = None

    def watch(self, client: AsyncMongoClient[Any]) -> None:
        """Note whose connections they are."""
        self._client = client

    def started(self, event: CommandStartedEvent) -> None:
        """Need nothing."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Need nothing."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Have every connection closed at its next use, if this one's user is gone."""
        gone = event.failure.get("code") == _UNAUTHORIZED
        if self._client and gone and _SIGN in str(event.failure.get("errmsg")):
            for server in self._client._topology._servers.values():  # noqa: SLF001  no public way
                server.pool.gen.inc(None)
