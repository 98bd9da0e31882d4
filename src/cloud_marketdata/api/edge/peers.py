"""Where a request comes from, as far as it can be believed.

Only a trusted proxy is believed about whom it speaks for. A request that names a proxy at all is
never this machine's own: a proxy here would otherwise make the whole world local.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from cloud_marketdata.api.edge.asked import Asked
from cloud_marketdata.core.config import is_loopback
from cloud_marketdata.security.limits.addresses import Trusted, client_address

_BETWEEN: Final = (
    *(b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host", b"x-forwarded-proto"),
    b"via",
)


class Peer(NamedTuple):
    """The address that counts, and whether it is certainly this machine."""

    address: str
    local: bool


def peer_of(scope: Mapping[str, Any], asked: Asked, trusted: Trusted) -> Peer:
    """Say who asks."""
    client = scope.get("client")
    peer = client[0] if client else ""
    if any(name in asked.heads for name in _BETWEEN):
        return Peer(client_address(peer, asked.all(b"x-forwarded-for"), trusted), local=False)
    return _direct(peer, trusted)


@lru_cache(maxsize=1024)
def _direct(peer: str, trusted: Trusted) -> Peer:
    return Peer(client_address(peer, (), trusted), is_loopback(peer))
