"""What MongoDB refuses, as StorageError with one line that says what is wrong.

The driver's own text follows in brackets, without the part that fills a page.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
)

from cloud_marketdata.core.errors import StorageError

_MEANING: Final = {
    13: "the user may not do this",
    18: "the credentials are refused",
    20: "the server cannot do transactions",
    50: "no answer in time",
    91: "the server is shutting down",
    112: "somebody else is saving the same market",
    189: "the primary has stepped down",
    10107: "the server is not the primary",
    11600: "the server is shutting down",
    11601: "it was ended by somebody else",
    11602: "the primary has stepped down",
    13435: "the server is not the primary",
    13436: "the server is neither primary nor secondary",
    14031: "the disk is full",
}
# Behind these the driver prints whole commands, answers and topologies.
_REST: Final = (", full error:", ", Timeout:", " to execute command")
_LENGTH: Final = 300


@contextmanager
def translated() -> Iterator[None]:
    """Turn every error of the driver inside the block into StorageError."""
    try:
        yield
    except (PyMongoError, BSONError) as error:
        msg = f"MongoDB: {_explained(error)}"
        raise StorageError(msg) from error


def _explained(error: Exception) -> str:
    text = str(error).replace("\n", " ")
    for rest in _REST:
        text = text.partition(rest)[0]
    text = text[:_LENGTH]
    meaning = _meaning(error)
    return f"{meaning} ({text})" if meaning else text


def _meaning(error: Exception) -> str:
    if isinstance(error, DuplicateKeyError | BulkWriteError):
        return "a write was refused"
    if isinstance(error, OperationFailure) and error.code in _MEANING:
        return _MEANING[error.code]
    if isinstance(error, NotPrimaryError):
        return "the server is not the primary"
    if isinstance(error, PyMongoError) and error.timeout:
        return "no answer in time"
    return "no connection" if isinstance(error, ConnectionFailure) else ""
