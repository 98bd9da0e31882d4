"""One event of a command that ends at once, in the chain that all such commands share.

The kernel's lock lets them in one by one, and each goes on where the one before has stopped. A line
that a killed command has left torn stays as it is: the chain goes on in a new file.
"""

from pathlib import Path
from typing import NamedTuple

import msgspec

from cloud_marketdata import __version__
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.config import Settings
from cloud_marketdata.security.audit.chain import Chain, Head
from cloud_marketdata.security.audit.event import CLOSE, START, AuditEvent
from cloud_marketdata.security.audit.line import digest_of, place_in
from cloud_marketdata.security.audit.pen import DAY, closing
from cloud_marketdata.security.audit.places import (
    FOLDER,
    file_name,
    files_of,
    first_in,
    held,
    home_of_commands,
)
from cloud_marketdata.security.audit.redact import redacted
from cloud_marketdata.security.audit.secret import audit_key
from cloud_marketdata.security.audit.segment import Segment, Tail, tail_of, translated
from cloud_marketdata.security.audit.times import times_in

_CLOSED = f'"action":"{CLOSE}"'.encode()


class _End(NamedTuple):
    """Where a chain goes on: its head, and the file that takes more, if there is one."""

    head: Head
    open: Segment | None


def append_once(settings: Settings, event: AuditEvent, clock: Clock) -> None:
    """Write one event, on the disk before this returns.

    Raises StorageError where it cannot be written, SettingsError for a key that could be guessed.
    """
    key, now = audit_key(settings), clock.now()
    folder = settings.data_dir / FOLDER
    with translated(folder):
        home = home_of_commands(folder)
        with held(home, wait=True):
            head, segment = _end_of(home)
            chain = Chain(home.name, key, head)
            segment = segment or _fresh(home, head)
            told = [AuditEvent(START, "system", "ok", params={"version": __version__})]
            events = [*([] if head.seq else told), redacted(event)]
            segment.append(b"".join(chain.line(now, each) for each in events))
            if segment.size >= settings.audit_segment_mb << 20:
                _close(segment, chain, now, "size")


def close_old(home: Path, key: bytes, now: int) -> None:
    """End the commands' file once it is a day old, so that it can be shipped.

    To be called by who holds the lock of `home`; raises StorageError.
    """
    head, segment = _end_of(home)
    if segment and now - segment.low >= DAY:
        _close(segment, Chain(home.name, key, head), now, "age")


def head_of(home: Path) -> Head:
    """Return the newest whole line of a chain that nobody writes to now; raises StorageError."""
    return _end_of(home).head


def is_closed(tail: Tail) -> bool:
    """Whether a file ends with the line that says so."""
    return _CLOSED in tail.raw and not tail.torn


def _end_of(home: Path) -> _End:
    for path in reversed(files_of(home)):
        tail = tail_of(path)
        if tail.size:
            goes_on = not tail.torn and not is_closed(tail)
            return _End(_head(path, tail), _reopened(path, tail) if goes_on else None)
    return _End(Head(), None)


def _fresh(home: Path, head: Head) -> Segment:
    # Where a file of this name is there, not even its first line is whole.
    path = home / file_name(head.seq + 1)
    path.unlink(missing_ok=True)
    return Segment(path)


def _head(path: Path, tail: Tail) -> Head:
    try:
        seq = place_in(tail.raw).seq
    except msgspec.DecodeError:
        # Somebody has spoilt it, which verify will tell; the chain binds itself to what is there.
        seq = first_in(path) + path.read_bytes().count(b"\n") - 1
    return Head(seq, digest_of(tail.raw))


def _reopened(path: Path, tail: Tail) -> Segment:
    segment = Segment(path, tail.size)
    with path.open("rb") as file:
        segment.saw(times_in(file.readline())[0])
    return segment


def _close(segment: Segment, chain: Chain, now: int, why: str) -> None:
    for ts in times_in(segment.path.read_bytes()):
        segment.saw(ts)
    segment.append(chain.line(now, closing(segment, why, now)))
