"""`marketdata keys renew`: the client's half of the rotation, over a file that holds its key.

It asks the service whether a successor is due, and takes it. The successor is in the file before it
is used for the first time, so whatever is killed when, the file holds a key that is taken: the old
one may be rotated again as long as its successor was never seen. One renewer at a time works on a
file. The secret is never printed, and goes to https alone, or to this machine.
"""

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter, validators

from cloud_marketdata.cli.asking import AnswerError, Caller
from cloud_marketdata.cli.audited import begun, concerning
from cloud_marketdata.cli.voice import complain, note, say
from cloud_marketdata.core.config import load
from cloud_marketdata.core.errors import BadRequestError, MarketDataError, VenueError
from cloud_marketdata.core.secretfile import is_private, naming, read_secret, replacing

Seconds = Annotated[float, Parameter(validator=validators.Number(gte=1, lte=86_400))]
_OVER: Final = 3
_SELF: Final = "/v1/keys/self"
_UNAUTHORIZED: Final = 401
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


def renew(*, file: Path, url: str, every: Seconds | None = None, ca: Path | None = None) -> int:
    """Renew the key in a file when the service says that it is due.

    Exit 0: the key is good, renewed or not. 1: the service is away or will not say; ask again.
    2: bad input. 3: the key is no longer taken, and somebody must make a new one.

    Args:
        file: the file that holds the key, and nothing else.
        url: the service, https://… or http:// on this machine.
        every: go on, asking every so many seconds, until stopped or the key is over.
        ca: PEM file of who vouches for the service, in place of `tls_ca` or the system's own.
    """
    caller = Caller(url, ca or load().tls_ca)
    if every is None:
        return _renewed(caller, file)
    begun()
    # Blocked, so that no renewal is cut off half-way; the wait between two of them takes one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    while _tried(caller, file) != _OVER:
        if signal.sigtimedwait(_STOPPING, every):
            return 0
    return _OVER


def _tried(caller: Caller, file: Path) -> int:
    """Renew once among many times: what goes wrong is told, and tried again later."""
    try:
        return _renewed(caller, file)
    except BadRequestError:
        raise
    except MarketDataError as error:
        complain(error)
        return 1


def _renewed(caller: Caller, file: Path) -> int:
    with _alone(file):
        old = _read(file)
        try:
            due = _is_due(caller.get(_SELF, old))
            if due:
                _replace(caller, file, old)
        except AnswerError as refused:
            if refused.answered != _UNAUTHORIZED:
                raise
            complain(refused)
            return _OVER
    say("renewed" if due else "not due")
    return 0


def _is_due(told: Mapping[str, Any]) -> bool:
    """Whether to ask for a successor: it is time, or the answer that brought one was lost."""
    return bool(_told(told, "rotation_due") or _told(told, "replaced_by"))


def _replace(caller: Caller, file: Path, old: str) -> None:
    """Take the successor, keep it, and only then show it for the first time."""
    fresh = caller.post(f"{_SELF}/rotate", old)
    key, key_id = str(_told(fresh, "key")), str(_told(fresh, "id"))
    _write(file, key)
    concerning(key_id)
    try:
        caller.get(_SELF, key)
    except AnswerError as refused:
        if refused.answered == _UNAUTHORIZED:
            # Somebody else has rotated meanwhile. The old key is in its grace and may ask again.
            _write(file, old)
            msg = f"the successor {key_id} is not taken ({refused}); the old key is kept"
            raise VenueError(msg) from refused
        raise


def _told(answer: Mapping[str, Any], name: str) -> object:
    try:
        found: object = answer[name]
    except KeyError:
        msg = f"the service does not tell {name}: it is none of this kind"
        raise VenueError(msg) from None
    return found


def _read(file: Path) -> str:
    with naming("--file"):
        if not is_private(file):
            note(f"{file} can be read by others; its successor will not")
        return read_secret(file)


def _write(file: Path, key: str) -> None:
    try:
        with replacing(file) as opened:
            opened.write(key + "\n")
    except OSError as error:
        msg = f"--file {file}: {error.strerror}; the old key is still there"
        raise VenueError(msg) from error


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Keep other renewers of this file out; the lock goes with its process."""
    try:
        handle = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        msg = f"--file: {error.strerror}: {file.parent}"
        raise BadRequestError(msg) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
