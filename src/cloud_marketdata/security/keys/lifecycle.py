"""The life of a key: when it is due, retires and ends, and what a successor makes of the old one.

Pure: it says which records are to be stored together, and the repository's compare-and-set says
whether they were. A line of successors is a lineage. At most two of its keys are valid at one time.
"""

from enum import StrEnum
from typing import Final, NamedTuple, Self

from msgspec.structs import replace

from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.values import NS_PER_S
from cloud_marketdata.storage.security_ports import KeyRecord

_HOUR: Final = 3600 * NS_PER_S
_DAY: Final = 24 * _HOUR


class State(StrEnum):
    """What a key is at a moment; only the first two are taken."""

    ACTIVE = "active"
    RETIRING = "retiring"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Terms(NamedTuple):
    """How long keys live, in ns from their creation; grace from their retirement."""

    rotate: int
    retire: int
    grace: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read them from the settings."""
        return cls(
            settings.key_rotate_days * _DAY,
            settings.key_days * _DAY,
            settings.key_grace_hours * _HOUR,
        )


class Fresh(NamedTuple):
    """What a store is told of a key that was just made."""

    id: str
    mac: str
    pepper: str


class Line(NamedTuple):
    """A key of a lineage with those of its neighbours that a rotation concerns.

    elder: its predecessor, where that is still taken. heir: its successor, where it has one.
    """

    key: KeyRecord
    elder: KeyRecord | None = None
    heir: KeyRecord | None = None

    def again(self) -> Self | None:
        """Return the line in which another successor takes the place of this key.

        None unless the key was never seen to authenticate while its elder is still taken: somebody
        who got no answer, or was killed before he could hand it on, has made it in vain.
        """
        if self.elder is None or self.heir is not None or self.key.used_at:
            return None
        return type(self)(self.elder, None, self.key)


def state_of(record: KeyRecord, now: int) -> State:
    """Tell what the key is at `now` (ns)."""
    if record.revoked_at:
        return State.REVOKED
    if now >= record.ends_at:
        return State.EXPIRED
    return State.RETIRING if now >= record.retires_at else State.ACTIVE


def is_valid(record: KeyRecord, now: int) -> bool:
    """Whether the key is taken at `now` (ns)."""
    return not record.revoked_at and now < record.ends_at


def dated(record: KeyRecord, now: int, terms: Terms) -> KeyRecord:
    """Return the record as that of a key made at `now`, which was never stored."""
    retires_at = now + terms.retire
    return replace(
        record,
        revision=1,
        created_at=now,
        rotate_at=now + terms.rotate,
        retires_at=retires_at,
        ends_at=retires_at + terms.grace,
        revoked_at=0,
        replaced_by="",
        used_at=0,
    )


def succession(line: Line, fresh: Fresh, now: int, terms: Terms) -> list[KeyRecord]:
    """Return what is stored, all or none, when `fresh` becomes the successor of `line.key`.

    What `fresh` does not say is taken from the key. An heir is revoked, because this is asked for
    only where it never authenticated. An elder ends: two valid keys are enough.
    """
    key, elder, heir = line
    inherited = replace(key, **fresh._asdict(), generation=key.generation + 1)
    stored = [dated(inherited, now, terms), _relieved(key, fresh.id, now, terms)]
    if heir is not None and not heir.revoked_at:
        stored.append(revoked(heir, now))
    if elder is not None:
        stored.append(_next(elder, ends_at=min(elder.ends_at, now)))
    return stored


def revoked(record: KeyRecord, now: int) -> KeyRecord:
    """Return the record as taken back at `now`."""
    return _next(record, revoked_at=now)


def authenticated(record: KeyRecord, now: int, fresh: Fresh) -> KeyRecord:
    """Return the record as that of a key which was seen at `now`, hashed as `fresh` says."""
    return _next(record, used_at=max(record.used_at, now), mac=fresh.mac, pepper=fresh.pepper)


def _relieved(key: KeyRecord, heir: str, now: int, terms: Terms) -> KeyRecord:
    """Return the old key in its grace, which a second successor does not make longer."""
    return _next(
        key,
        replaced_by=heir,
        retires_at=min(key.retires_at, now),
        ends_at=min(key.ends_at, now + terms.grace),
    )


def _next(record: KeyRecord, **changes: object) -> KeyRecord:
    return replace(record, revision=record.revision + 1, **changes)
