"""The contracts of what guards the door: keys, and quotas. Each docstring is law and has a test.

Both raise StorageError (core.errors) where a driver would raise its own. Times are ns.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct


class KeyRecord(Struct, frozen=True):
    """An API key as it is stored: never its secret, only a keyed hash of the whole key.

    id: the public part, 8 characters; unique.
    lineage: the id of the first key of a line of successors; generation counts them from 0.
    revision: grows by one with each change; a record that was never stored has revision 0.
    mac: HMAC-SHA256 of the whole key under the pepper of that name, in hex.
    scopes: values of security.identity.Scope, sorted.
    networks: addresses or CIDR networks it may be used from; empty means any.
    per_minute: its own limit in requests a minute, or None for the one of the settings.
    sink: name of a file in the key folder that successors are written to, or empty.
    rotate_at: from then on a successor is due. retires_at: from then on answers carry Deprecation.
    ends_at: from then on it is refused. revoked_at: 0, or since when it is refused.
    replaced_by: id of its successor, or empty.
    used_at: when it was last seen to authenticate, within a minute; 0 if never.
    """

    id: str
    lineage: str
    generation: int
    revision: int
    mac: str
    pepper: str
    owner: str
    scopes: tuple[str, ...]
    created_at: int
    rotate_at: int
    retires_at: int
    ends_at: int
    networks: tuple[str, ...] = ()
    per_minute: int | None = None
    sink: str = ""
    revoked_at: int = 0
    replaced_by: str = ""
    used_at: int = 0


class KeyRepository(Protocol):
    """API keys, in the warm tier."""

    async def find(self, key_id: str) -> KeyRecord | None:
        """Return the record as it stands after the last change that was acknowledged, or None."""
        ...

    async def all(self) -> list[KeyRecord]:
        """Return every record, sorted by creation and id."""
        ...

    async def change(self, records: Sequence[KeyRecord]) -> bool:
        """Store each record under its id, all or none; return whether it was done.

        Nothing is done where a record's revision is not one above the stored one (1 for a new
        record): somebody else has changed it meanwhile. Of two changes at once, in whatever
        processes, one alone is done. `used_at` never goes back.
        """
        ...

    async def touch(self, key_id: str, used_at: int) -> None:
        """Note a use; a time before the stored one changes nothing, and no revision grows."""
        ...


class Rate(NamedTuple):
    """So many units in so many seconds, all of which may be taken at once after a rest."""

    quota: int
    seconds: int


class Taken(NamedTuple):
    """What became of an attempt to take from a quota.

    ok: whether it was taken. left: whole units that could be taken now.
    after_s: where refused, in how many seconds the same attempt would pass; else 0.
    full_s: in how many seconds the whole quota is there again.
    """

    ok: bool
    left: int
    after_s: float
    full_s: float


class Quotas(Protocol):
    """Counts what is asked for, for all processes of a deployment together, in the hot tier."""

    async def take(self, name: str, rate: Rate, cost: int = 1) -> Taken:
        """Take `cost` units of the quota `name`, or none where fewer are left.

        Units come back evenly. A cost above the quota itself is never ok. Names are forgotten once
        they are full again.
        """
        ...
