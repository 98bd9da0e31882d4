"""What a new key is wished to be, and the one place where such a wish is checked."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_marketdata.core.errors import BadRequestError
from cloud_marketdata.security.identity import Scope

_LONGEST_OWNER: Final = 64
_MOST_NETWORKS: Final = 64
_MOST_PER_MINUTE: Final = 10_000_000
# No separator, no leading dot: the name cannot leave its folder, nor meet a file written aside.
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class NewKey(Struct, frozen=True):
    """Whom a key is for and what it is good for; fields as in KeyRecord."""

    owner: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...] = ()
    per_minute: int | None = None
    sink: str = ""


def checked(wish: NewKey) -> NewKey:
    """Return the wish as it is stored; raises BadRequestError, which says what is wrong."""
    if not (0 < len(wish.owner) <= _LONGEST_OWNER and wish.owner.isprintable()):
        _refuse(f"owner has 1 to {_LONGEST_OWNER} printable characters")
    if wish.per_minute is not None and not 1 <= wish.per_minute <= _MOST_PER_MINUTE:
        _refuse(f"per_minute is from 1 to {_MOST_PER_MINUTE}")
    if wish.sink and not _FILE.fullmatch(wish.sink):
        _refuse("sink is a plain file name of letters, digits, dot, dash and underscore")
    return replace(wish, scopes=_scopes(wish.scopes), networks=_networks(wish.networks))


def _scopes(given: Iterable[str]) -> tuple[str, ...]:
    known = [scope.value for scope in Scope]
    for scope in given:
        if scope not in known:
            _refuse(f"there is no scope {scope[:_LONGEST_OWNER]!r}, only {', '.join(known)}")
    found = tuple(sorted(set(given)))
    if not found:
        _refuse(f"a key needs a scope: {', '.join(known)}")
    return found


def _networks(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(given) > _MOST_NETWORKS:
        _refuse(f"a key has {_MOST_NETWORKS} networks at most")
    return tuple(dict.fromkeys(map(_network, given)))


def _network(text: str) -> str:
    try:
        # Strict: 10.0.0.1/8 is a slip of the pen, and wider than it looks.
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        msg = f"networks: {str(error)[:200]}"
        raise BadRequestError(msg) from error


def _refuse(message: str) -> None:
    raise BadRequestError(message)
