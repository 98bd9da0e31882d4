"""Whether an address is inside the networks that a key may be used from."""

import ipaddress
from functools import lru_cache

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_inside(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the key may be used from there; without networks it may be from anywhere.

    What is no address, as that of a local socket, is inside no network.
    """
    if not networks:
        return True
    try:
        asked = _plain(ipaddress.ip_address(address))
    except ValueError:
        return False
    return any(asked in network for network in _read(networks))


def _plain(address: _Address) -> _Address:
    """Return an IPv4 address that came in IPv6 clothes as what it is."""
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4096)
def _read(networks: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(map(ipaddress.ip_network, networks))
