"""Who asks, behind proxies that are trusted and in spite of those that are not."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.security.limits.addresses import (
    Trusted,
    address_in,
    bucket_of,
    client_address,
)

PROXIES = Trusted(("10.0.0.0/8", "2001:db8:ffff::/48", "127.0.0.1"))
PROXY, CLIENT, OTHER = "10.0.0.1", "203.0.113.9", "198.51.100.7"
v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).map(str)
outside = st.ip_addresses(network="203.0.113.0/24").map(str)
inside = st.ip_addresses(network="10.0.0.0/8").map(str)


@given(peer=outside, told=st.lists(st.text(max_size=100), max_size=4))
def test_what_an_untrusted_peer_says_is_not_heard(peer, told):
    assert client_address(peer, told, PROXIES) == peer


@given(told=st.lists(st.text(max_size=100), max_size=4), client=outside, hops=st.lists(inside))
def test_what_stands_left_of_the_first_untrusted_address_is_not_heard(told, client, hops):
    headers = [*told, ", ".join([client, *hops])]

    assert client_address(PROXY, headers, PROXIES) == client


@pytest.mark.parametrize(
    ("forwarded", "asking"),
    [
        ((), PROXY),
        ((CLIENT,), CLIENT),
        ((f"{OTHER}, {CLIENT}",), CLIENT),
        ((OTHER, CLIENT), CLIENT),
        ((f"{OTHER},{CLIENT} ,\t10.1.1.1",), CLIENT),
        ((f"{CLIENT}, 2001:db8:ffff::1", "10.2.3.4"), CLIENT),
        (("10.9.9.9, 10.8.8.8",), "10.9.9.9"),
        ((f"{CLIENT}:51234",), CLIENT),
        (("2001:db8::7",), "2001:db8::7"),
        (("[2001:db8::7]",), "2001:db8::7"),
        (("[2001:DB8:0::7]:443",), "2001:db8::7"),
        (("fe80::1%eth0",), "fe80::1"),
        (("::ffff:203.0.113.9",), CLIENT),
        ((f"{CLIENT}, ::ffff:10.0.0.3",), CLIENT),
        (("unknown",), PROXY),
        (("",), PROXY),
        ((f"{CLIENT},",), PROXY),
        ((f"{CLIENT}, _hidden, 10.0.0.2",), PROXY),
        ((f"{CLIENT}:port",), PROXY),
        ((f"{CLIENT}:",), PROXY),
        (("[2001:db8::7",), PROXY),
        (("[203.0.113.9]:80",), PROXY),
        (("[2001:db8::7]x",), PROXY),
        (("203.0.113.009",), PROXY),
        (("203.0.113.9\x00",), PROXY),
        (("1" * 5000,), PROXY),
        (("fe80::1%" + "a" * 100,), PROXY),
    ],
)
def test_it_is_the_last_one_that_a_trusted_proxy_was_asked_by_or_the_peer_itself(forwarded, asking):
    assert client_address(PROXY, forwarded, PROXIES) == asking


def test_a_peer_is_named_as_addresses_are_and_a_unix_peer_by_nothing():
    assert client_address("::ffff:10.0.0.1", [CLIENT], PROXIES) == CLIENT
    assert client_address("fe80::1%eth0", [], PROXIES) == "fe80::1"
    assert client_address("", [CLIENT], PROXIES) == ""
    assert client_address("testclient", [CLIENT], PROXIES) == "testclient"


@pytest.mark.parametrize("written", ["10.0.0.0/8", "::ffff:10.0.0.0/104", "::ffff:10.0.0.1"])
def test_a_proxy_is_trusted_however_its_network_is_written(written):
    for peer in (PROXY, f"::ffff:{PROXY}"):
        assert client_address(peer, [CLIENT], Trusted((written,))) == CLIENT
    assert client_address("11.0.0.1", [CLIENT], Trusted((written,))) == "11.0.0.1"


@given(peer=st.text(max_size=80), told=st.lists(st.text(max_size=80), max_size=3))
def test_any_text_whatsoever_gives_an_address_or_the_peer(peer, told):
    trusted = Trusted(("0.0.0.0/0", "::/0"))
    found = client_address(peer, told, trusted)

    assert found == peer[:64] or ipaddress.ip_address(found)
    assert bucket_of(found)[:64] or not peer


@given(one=v6, host=st.integers(0, 2**64 - 1))
def test_an_ipv6_address_counts_with_its_whole_network_of_64_bits(one, host):
    network = ipaddress.ip_network(f"{one}/64", strict=False)
    other = str(network.network_address + host)
    if address_in(one).version == address_in(other).version == 6:
        assert bucket_of(one) == bucket_of(other) == str(network)


@given(one=v4, other=v4)
def test_an_ipv4_address_counts_alone_however_it_is_written(one, other):
    assert bucket_of(one) == bucket_of(f"::ffff:{one}") == one
    assert (bucket_of(one) == bucket_of(other)) == (one == other)


@pytest.mark.parametrize("wrong", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "", "10.0.0"])
def test_a_network_that_is_none_is_refused_by_its_name(wrong):
    with pytest.raises(SettingsError, match="trusted_proxies") as told:
        Trusted(("127.0.0.1", wrong))
    assert repr(wrong) in str(told.value)
