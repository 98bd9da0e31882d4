"""`/v1/keys`: keys are made, listed, replaced and taken back; a secret is told once and never kept.

Who may do that is the edge's to say. One thing is said here: nobody gets from it a key that is good
for more than his own, neither by making one nor by replacing one.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from cloud_marketdata.api.edge.visit import visit_of
from cloud_marketdata.api.errors import problems
from cloud_marketdata.api.key_models import (
    KeyAnswer,
    KeysAnswer,
    KeyWish,
    NewKeyAnswer,
    NewKeyOut,
    told,
)
from cloud_marketdata.api.rest import encoded
from cloud_marketdata.core.clock import Clock
from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.security.identity import Identity
from cloud_marketdata.security.keys.desk import KeyDesk
from cloud_marketdata.security.keys.errors import UnknownKeyError
from cloud_marketdata.security.keys.lineages import Minted
from cloud_marketdata.security.refusals import (
    KeyExpiredError,
    KeyMissingError,
    KeyRevokedError,
    ScopeMissingError,
)
from cloud_marketdata.storage.security_ports import KeyRecord

KeyId = Annotated[
    str, Path(description="The public part of a key", max_length=64, examples=["ab12cd34"])
]
_SELF = "/self"
_MADE = 201


class KeyOverError(BadRequestError):
    """The key was taken back or has ended, so it gets no successor."""

    code: ClassVar[str] = "key_over"
    status: ClassVar[int] = 409


def build_keys(desk: KeyDesk, clock: Clock) -> APIRouter:
    """Return the routes over a desk."""
    router = APIRouter(prefix="/v1/keys", responses=problems(404, 409, 422, 500, 503))
    _add_own(router, desk, clock)
    _add_reading(router, desk, clock)
    _add_changes(router, desk, clock)
    return router


def _add_own(router: APIRouter, desk: KeyDesk, clock: Clock) -> None:
    @router.get(_SELF, response_model=KeyAnswer)
    async def get_own_key(request: Request) -> Response:
        """Tell about the key that asks."""
        record = await _record(desk, _own(request))
        return encoded(KeyAnswer(data=told(record, clock.now())))

    @router.post(f"{_SELF}/rotate", response_model=NewKeyAnswer, status_code=_MADE)
    async def rotate_own_key(request: Request) -> Response:
        """Replace the key that asks; it is still taken for its grace."""
        return _made(await desk.rotate(_own(request)), clock, request)


def _add_reading(router: APIRouter, desk: KeyDesk, clock: Clock) -> None:
    @router.get("", response_model=KeysAnswer)
    async def get_keys() -> Response:
        """List all keys, also those that are over, without their secrets."""
        now = clock.now()
        return encoded(KeysAnswer(data=[told(record, now) for record in await desk.all()]))

    @router.get("/{key_id}", response_model=KeyAnswer)
    async def get_key(key_id: KeyId) -> Response:
        """Tell about one key."""
        return encoded(KeyAnswer(data=told(await _record(desk, key_id), clock.now())))


def _add_changes(router: APIRouter, desk: KeyDesk, clock: Clock) -> None:
    @router.post("", response_model=NewKeyAnswer, status_code=_MADE)
    async def create_key(wish: KeyWish, request: Request) -> Response:
        """Make a key; its text is in this answer and nowhere else."""
        _refuse_more(visit_of(request.scope).identity, wish.scopes)
        return _made(await desk.create(wish.wish()), clock, request)

    @router.post("/{key_id}/rotate", response_model=NewKeyAnswer, status_code=_MADE)
    async def rotate_key(key_id: KeyId, request: Request) -> Response:
        """Replace a key; the old one is still taken for its grace."""
        record = await _record(desk, key_id)
        _refuse_more(visit_of(request.scope).identity, record.scopes)
        try:
            return _made(await desk.rotate(key_id), clock, request)
        except (KeyExpiredError, KeyRevokedError) as error:
            # It is not the asker's own key that is over.
            raise KeyOverError(str(error)) from error

    @router.delete("/{key_id}", response_model=KeyAnswer)
    async def revoke_key(key_id: KeyId) -> Response:
        """Take a key back at once; again is no harm."""
        return encoded(KeyAnswer(data=told(await desk.revoke(key_id), clock.now())))


def _own(request: Request) -> str:
    """Return the id of the key that asks; raises KeyMissingError."""
    key_id = visit_of(request.scope).identity.key_id
    if not key_id:
        msg = "no key was shown, so there is none to tell about"
        raise KeyMissingError(msg)
    return key_id


async def _record(desk: KeyDesk, key_id: str) -> KeyRecord:
    """Return a record; raises UnknownKeyError."""
    for record in await desk.all():
        if record.id == key_id:
            return record
    msg = "there is no such key"
    raise UnknownKeyError(msg)


def _refuse_more(identity: Identity, scopes: Iterable[str]) -> None:
    """Refuse to hand out a scope that the asker does not have; raises ScopeMissingError."""
    more = sorted(set(scopes) - identity.scopes)
    if more:
        msg = f"only who has a scope can give it: {', '.join(more)}"
        raise ScopeMissingError(msg)


def _made(minted: Minted, clock: Clock, request: Request) -> Response:
    """Answer with a new key, of which the audit log gets what is public."""
    record = minted.record
    made = {"made_id": record.id, "owner": record.owner, "scopes": " ".join(record.scopes)}
    visit_of(request.scope).params.update(made)
    shown = told(record, clock.now())
    return encoded(NewKeyAnswer(data=NewKeyOut(**shown.model_dump(), key=minted.key)), _MADE)
