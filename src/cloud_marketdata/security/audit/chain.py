"""The chain of one writer: gives every event its number and binds it to the line before. Pure."""

from typing import NamedTuple

from cloud_marketdata.security.audit.event import AuditEvent
from cloud_marketdata.security.audit.line import BEGINNING, Place, digest_of, sealed


class Head(NamedTuple):
    """The newest line of a chain: its number, 0 where there is none, and its SHA-256."""

    seq: int = 0
    digest: str = BEGINNING


class Chain:
    """Makes the lines of one writer, each following the one before."""

    def __init__(self, writer: str, key: bytes, head: Head) -> None:
        self.writer = writer
        self.head = head
        self._key = key

    def line(self, ts: int, event: AuditEvent) -> bytes:
        """Return the next line, with its newline; the event has been redacted."""
        seq = self.head.seq + 1
        raw = sealed(Place(ts, self.writer, seq, self.head.digest), event, self._key)
        self.head = Head(seq, digest_of(raw))
        return raw + b"\n"
