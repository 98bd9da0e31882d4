"""Who asks: a key's bearer, or whoever sits at this machine where no key is asked for."""

from enum import StrEnum
from typing import Final, NamedTuple


class Scope(StrEnum):
    """What a key may be good for."""

    MARKET_READ = "market:read"
    STREAM_READ = "stream:read"
    KEYS_ADMIN = "keys:admin"
    AUDIT_READ = "audit:read"
    METRICS_READ = "metrics:read"


class Identity(NamedTuple):
    """Who asks, as the audit log names them.

    key_id: the public part of the key, or empty where none was shown.
    per_minute: what the key may ask for in a minute, where it has a limit of its own.
    retires_at, ends_at: ns; from the first on the key is to be replaced, from the second on it is
        refused. 0 for who has no key.
    """

    key_id: str
    owner: str
    scopes: frozenset[Scope]
    per_minute: int | None = None
    retires_at: int = 0
    ends_at: int = 0


LOCAL: Final = Identity("", "local", frozenset(Scope))
"""Whoever asks from this machine itself, where the settings ask for no key."""
NOBODY: Final = Identity("", "", frozenset())
"""Whoever has shown no valid key."""
