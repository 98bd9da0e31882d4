"""Reads what a client sends: text that is one JSON object, of an operation there is.

A key stands in `auth` alone. Wherever else one is found the message is refused unread, and nothing
of it is echoed: ids, names and parameters go into answers, logs and other people's hands.
"""

from typing import Final

import msgspec
from pydantic import TypeAdapter, ValidationError

from cloud_marketdata.api.stream.messages import (
    Asked,
    Auth,
    Id,
    List,
    Op,
    Ping,
    Subscribe,
    Unsubscribe,
)
from cloud_marketdata.api.stream.refusals import (
    BadJsonError,
    MessageTooLargeError,
    NotTextError,
    UnknownOpError,
)
from cloud_marketdata.core.masking import KEY_PREFIX
from cloud_marketdata.security.refusals import KeyInQueryError

MOST_CHARACTERS: Final = 65_536
_LONGEST_NAME: Final = 64
_KEY: Final = "key"
_MODELS: Final[dict[str, type[Asked]]] = {
    Op.SUBSCRIBE: Subscribe,
    Op.UNSUBSCRIBE: Unsubscribe,
    Op.PING: Ping,
    Op.AUTH: Auth,
    Op.LIST: List,
}
_ID: Final[TypeAdapter[Id]] = TypeAdapter(Id)


def read(text: str | None) -> dict[str, object]:
    """Decode a message; None stands for a binary one. Raises what `refusals` has for it."""
    if text is None:
        msg = "messages are text; this one is binary"
        raise NotTextError(msg)
    if len(text) > MOST_CHARACTERS:
        msg = f"a message has at most {MOST_CHARACTERS} characters; this one has {len(text)}"
        raise MessageTooLargeError(msg)
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        msg = f"a message is one JSON object: {error}"
        raise BadJsonError(msg) from error
    if not isinstance(given, dict):
        msg = "a message is one JSON object with an op"
        raise BadJsonError(msg)
    _refuse_keys(given)
    return given


def asked_in(given: dict[str, object]) -> Asked:
    """Return the request; raises UnknownOpError, or pydantic's ValidationError."""
    op = given.get("op")
    model = _MODELS.get(op) if isinstance(op, str) else None
    if model is None:
        msg = f"op is one of {', '.join(_MODELS)}"
        raise UnknownOpError(msg)
    return model.model_validate(given)


def id_in(given: dict[str, object]) -> Id:
    """Return what can be echoed of an id, also where the rest of the message is wrong."""
    try:
        return _ID.validate_python(given.get("id"))
    except ValidationError:
        return None


def short(given: object) -> str | None:
    """Return what can be echoed of a name, also where it is wrong."""
    return given if isinstance(given, str) and len(given) <= _LONGEST_NAME else None


def _refuse_keys(given: dict[str, object]) -> None:
    """Look at a message as it is after decoding: an escape of JSON hides nothing."""
    is_auth = given.get("op") == Op.AUTH
    shown = {name: value for name, value in given.items() if not (is_auth and name == _KEY)}
    if KEY_PREFIX in repr(shown):
        msg = "a key stands in a message where none belongs; it counts as leaked, replace it"
        raise KeyInQueryError(msg)
