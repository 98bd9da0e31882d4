"""API keys as REST tells them: never a secret, but once, in the answer that made the key."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from cloud_marketdata.api.envelope import Wire
from cloud_marketdata.domain.values import NS_PER_MS
from cloud_marketdata.security.identity import Scope
from cloud_marketdata.security.keys.lifecycle import State, state_of
from cloud_marketdata.security.keys.wishes import NewKey
from cloud_marketdata.storage.security_ports import KeyRecord

_EXAMPLE: Final[JsonDict] = {
    "owner": "research notebook",
    "scopes": ["market:read", "stream:read"],
}


class KeyWish(BaseModel):
    """Whom a key is for, and what it is good for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    owner: Annotated[str, Field(min_length=1, max_length=64)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    networks: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(max_length=64, description="Addresses or networks it may be used from; empty: any"),
    ] = []
    per_minute: Annotated[
        int | None, Field(ge=1, le=10_000_000, description="Its own limit, in units a minute")
    ] = None
    sink: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$",
            description="File in key_dir that successors are written to",
        ),
    ] = ""

    def wish(self) -> NewKey:
        """Return it as the desk takes it."""
        scopes = tuple(scope.value for scope in self.scopes)
        return NewKey(self.owner, scopes, tuple(self.networks), self.per_minute, self.sink)


class KeyOut(Wire):
    """A key without its secret; times are epoch ms, null where it has not come to that.

    lineage: id of the first key of its line; generation counts the line from 0.
    rotation_due: it is time for a successor, by this service's clock.
    rotate_at: a successor is due. retires_at: answers tell so. ends_at: it is refused from then on.
    """

    id: str
    owner: str
    state: State
    scopes: list[str]
    networks: list[str]
    per_minute: int | None
    sink: str | None
    lineage: str
    generation: int
    rotation_due: bool
    created_at: int
    rotate_at: int
    retires_at: int
    ends_at: int
    revoked_at: int | None
    replaced_by: str | None
    used_at: int | None


class NewKeyOut(KeyOut):
    """A key that was just made, with its whole text, which is told only here."""

    key: str


class KeyAnswer(Wire):
    """Answer about one key."""

    data: KeyOut


class KeysAnswer(Wire):
    """Answer of /v1/keys."""

    data: list[KeyOut]


class NewKeyAnswer(Wire):
    """Answer that holds a secret."""

    data: NewKeyOut


def told(record: KeyRecord, now: int) -> KeyOut:
    """Tell a record; `now` in ns says its state."""
    return KeyOut(
        id=record.id,
        owner=record.owner,
        state=state_of(record, now),
        scopes=list(record.scopes),
        networks=list(record.networks),
        per_minute=record.per_minute,
        sink=record.sink or None,
        lineage=record.lineage,
        generation=record.generation,
        rotation_due=now >= record.rotate_at and not (record.replaced_by or record.revoked_at),
        created_at=record.created_at // NS_PER_MS,
        rotate_at=record.rotate_at // NS_PER_MS,
        retires_at=record.retires_at // NS_PER_MS,
        ends_at=record.ends_at // NS_PER_MS,
        revoked_at=record.revoked_at // NS_PER_MS or None,
        replaced_by=record.replaced_by or None,
        used_at=record.used_at // NS_PER_MS or None,
    )
