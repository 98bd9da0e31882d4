"""Anchors: how long a chain was at some moment, written down where the log's own disk is not. Pure.

A chain shows whatever is done inside of it, but not that its end was cut off, or all of it. An
anchor in the cold tier contradicts that. Its key alone says what it is about, so a list of keys is
enough to hold a chain against all of its anchors.
"""

import re
from typing import Final, NamedTuple, Self

import msgspec

from cloud_marketdata.security.audit.chain import Head
from cloud_marketdata.security.audit.line import mac_of

ANCHORS: Final = "audit-anchors/"
_KEY: Final = re.compile(r"audit-anchors/(?P<writer>[^/]+)/(?P<seq>\d{16})-(?P<head>[0-9a-f]{64})")


class Anchor(NamedTuple):
    """A writer's newest line at some moment: its number and its SHA-256."""

    writer: str
    seq: int
    digest: str

    @property
    def key(self) -> str:
        """Key of its object."""
        return f"{ANCHORS}{self.writer}/{self.seq:016d}-{self.digest}"

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Return the anchor that a key names, or None."""
        found = _KEY.fullmatch(key)
        return cls(found["writer"], int(found["seq"]), found["head"]) if found else None

    @classmethod
    def of(cls, writer: str, head: Head) -> Self:
        """Return the anchor of a chain's head."""
        return cls(writer, head.seq, head.digest)

    def sealed(self, ts: int, key: bytes) -> bytes:
        """Return the bytes of its object, which only who has the log's key can make."""
        mac = mac_of(_said(self, ts), key).decode()
        return msgspec.json.encode(_Written(*self, ts, mac))

    def is_genuine(self, data: bytes, key: bytes) -> bool:
        """Whether an object is this anchor, made under this key."""
        try:
            written = msgspec.json.decode(data, type=_Written)
        except msgspec.DecodeError:
            return False
        return mac_of(_said(self, written.ts), key).decode() == written.mac


class _Written(msgspec.Struct, frozen=True):
    writer: str
    seq: int
    digest: str
    ts: int
    mac: str


def _said(anchor: Anchor, ts: int) -> bytes:
    return f"anchor|{anchor.writer}|{anchor.seq}|{anchor.digest}|{ts}".encode()
