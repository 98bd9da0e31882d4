"""One line of the log, as bytes. Pure.

A line is a JSON object of its place in the chain, the event, and an HMAC-SHA256 of all of its bytes
before that. `prev` is the SHA-256 of the whole line before, HMAC included: so a line tells which
one it follows, and who has no key can still see that the chain holds together.
"""

import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec

from cloud_marketdata.security.audit.event import AuditEvent, Outcome, Surface

BEGINNING: Final = "0" * 64
"""What stands as `prev` where no line is before."""
_MARK: Final = b',"mac":"'
_TAIL: Final = len(_MARK) + 64 + len(b'"}')
_encode = msgspec.json.Encoder().encode


class Place(msgspec.Struct, frozen=True):
    """Where in which chain a line stands, and when it was written down."""

    ts: int
    writer: str
    seq: int
    prev: str


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole line; see `Place` and `AuditEvent` for its fields, times are ns."""

    ts: int
    writer: str
    seq: int
    prev: str
    action: str
    surface: Surface
    outcome: Outcome
    code: str = ""
    status: int = 0
    key_id: str = ""
    owner: str = ""
    address: str = ""
    agent: str = ""
    resource: str = ""
    params: dict[str, str] = {}
    latency_us: int = 0
    bytes: int = 0
    request_id: str = ""
    mac: str = ""


place_in: Final = msgspec.json.Decoder(Place).decode
line_in: Final = msgspec.json.Decoder(Line).decode


def sealed(place: Place, event: AuditEvent, key: bytes) -> bytes:
    """Return the bytes of a line, without the newline."""
    head = f'{{"ts":{place.ts},"writer":"{place.writer}","seq":{place.seq},"prev":"{place.prev}",'
    body = head.encode() + _encode(event)[1:-1]
    return b"".join((body, _MARK, mac_of(body, key), b'"}'))


def mac_of(body: bytes, key: bytes) -> bytes:
    """Return the HMAC of a line's bytes, in hex."""
    made = _keyed(key).copy()
    made.update(body)
    return made.hexdigest().encode()


def is_genuine(raw: bytes, key: bytes) -> bool:
    """Whether a line was written under this key and not changed since."""
    if raw[-_TAIL : -_TAIL + len(_MARK)] != _MARK or raw[-2:] != b'"}':
        return False
    return hmac.compare_digest(mac_of(raw[:-_TAIL], key), raw[-66:-2])


# One call of `hmac.digest` would let go of the interpreter and queue for it again, at every line.
@lru_cache(maxsize=16)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


def digest_of(raw: bytes) -> str:
    """Return what the next line has as its `prev`."""
    return sha256(raw).hexdigest()
