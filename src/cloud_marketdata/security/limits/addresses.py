"""Who asks: the address behind trusted proxies, and the bucket that its limit is counted in.

`X-Forwarded-For` is read from the right, where each proxy adds whom it was asked by, and only as
far as those who added are trusted: what stands further left may be anybody's invention. IPv4
written as IPv6 is IPv4, and a zone or a port is no part of an address.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from cloud_marketdata.core.errors import SettingsError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_LONGEST: Final = 64
"""Characters of the longest text that is taken for an address, with brackets, zone and port."""
_HOST_BITS: Final = 64
"""What one customer of a provider has to himself of an IPv6 address, and may change at will."""
_MAPPED: Final = IPv6Network("::ffff:0:0/96")


class Trusted:
    """The networks of proxies whose word is believed.

    names: addresses or CIDR networks, as in `trusted_proxies`. Raises SettingsError, which names
    the first one that is neither.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._networks = tuple(_network(name) for name in names)

    def __contains__(self, address: Address) -> bool:
        """Whether the address is one of theirs."""
        return any(address in network for network in self._networks)


def client_address(peer: str, forwarded: Sequence[str], trusted: Trusted) -> str:
    """Return the address of who asks.

    peer: who holds the connection; empty for a Unix socket. forwarded: the values of every
    X-Forwarded-For, in their order. The peer itself is returned where it is not trusted, or where
    a trusted proxy names something that is no address.
    """
    asking = address_in(peer)
    if asking is None:
        return peer[:_LONGEST]
    told = str(asking)
    for entry in reversed(",".join(forwarded).split(",") if forwarded else ()):
        if asking not in trusted:
            break
        asking = address_in(entry)
        if asking is None:
            return told
    return str(asking)


def bucket_of(address: str) -> str:
    """Return the name under which an address is counted: an IPv6 one with its whole /64."""
    parsed = address_in(address)
    if parsed is None:
        return address[:_LONGEST]
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return f"{IPv6Address(int(parsed) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"


def address_in(text: str) -> Address | None:
    """Return the address in the text, which may have brackets, a zone and a port, or None."""
    bare = _without_port(text.strip()) if len(text) <= _LONGEST else ""
    host, percent, _ = bare.partition("%")
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if percent and isinstance(address, IPv4Address):
        # Only IPv6 has zones; here somebody has escaped a comma.
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _without_port(text: str) -> str:
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        return host if bracket and ":" in host and _is_port(port) else ""
    host, colon, port = text.partition(":")
    return host if colon and ":" not in port and _is_port(colon + port) else text


def _is_port(text: str) -> bool:
    digits = text[1:]
    return not text or (text[0] == ":" and digits.isascii() and digits.isdigit())


def _network(name: str) -> Network:
    try:
        network = ip_network(name)
    except ValueError as error:
        msg = f"trusted_proxies: {name!r} is neither an address nor a network: {error}"
        raise SettingsError(msg) from error
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        # Addresses are compared as IPv4 too where they are.
        first = int(network.network_address) - int(_MAPPED.network_address)
        return IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))
    return network
