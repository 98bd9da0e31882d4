"""Turns what redis-py raises into StorageError, with a text that says what is wrong and where.

The most special class that fits gives the words. The URL is never in them: it holds a password.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from cloud_marketdata.core.errors import StorageError

_WORDS: Final[dict[type[Exception], str]] = {
    exceptions.AuthenticationError: "refuses the user or password",
    exceptions.AuthorizationError: "refuses the user",
    exceptions.NoPermissionError: "does not let this user do that",
    exceptions.ReadOnlyError: "is a read-only replica",
    exceptions.OutOfMemoryError: "is out of memory",
    exceptions.BusyLoadingError: "is still loading its data",
    exceptions.MaxConnectionsError: "has no connection left for us",
    exceptions.MovedError: "is not in charge of the slot any more",
    exceptions.AskError: "is giving the slot away",
    exceptions.TryAgainError: "is moving the slot",
    exceptions.ClusterDownError: "belongs to a cluster that is down",
    exceptions.ResponseError: "refused",
    exceptions.TimeoutError: "does not answer in time",
    TimeoutError: "does not answer in time",
    exceptions.ConnectionError: "is away",
    OSError: "is away",
}
_BY_TEXT: Final = {
    "NOAUTH": "wants a user and password",
    "MISCONF": "cannot save to its disk and takes no writes",
    "NOREPLICAS": "has too few replicas",
    "WRONGPASS": "refuses the user or password",
}


def told(error: Exception, address: str) -> StorageError:
    """Return the error as everybody above storage knows it."""
    text = str(error)
    words = _BY_TEXT.get(text.partition(" ")[0]) or next(
        (_WORDS[kind] for kind in type(error).__mro__ if kind in _WORDS), "fails"
    )
    return StorageError(f"Redis at {address} {words}" + (f": {text}" if text else ""))


@contextmanager
def edge(address: str) -> Iterator[None]:
    """Let no error of the driver or of the network out untranslated."""
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise told(error, address) from error
