"""The tunnel tells a TLS by its first message; OpenSSL makes the messages."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tls_servers import V2, V3, one_version

from cloud_marketdata.storage.objects.hello import PROTOCOL_VERSION_ALERT, speaks_1_3


def begun(pems, version) -> bytes:
    """Return what a server of this version answers to a client that knows both."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    trust = pems.trust(minimum_version=V2)
    near = trust.wrap_bio(to_client, to_server, server_hostname="localhost")
    far = one_version(pems, version).wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        near.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        far.do_handshake()
    return to_client.read()


def resliced(received: bytes, size: int) -> bytes:
    """Return the same handshake in records of at most this size."""
    whole = b""
    while received:
        kind, length = received[0], int.from_bytes(received[3:5], "big")
        record, received = received[5 : 5 + length], received[5 + length :]
        for at in range(0, length, size):
            part = record[at : at + size]
            whole += bytes([kind, 3, 3]) + len(part).to_bytes(2, "big") + part
    return whole


@pytest.mark.parametrize(("version", "wanted"), [(V3, True), (V2, False)])
def test_the_version_is_told_however_it_comes(pems, version, wanted):
    received = begun(pems, version)
    assert speaks_1_3(received) is wanted
    # One octet after the other, it is told once and never otherwise.
    said = [speaks_1_3(received[:end]) for end in range(len(received) + 1)]
    assert set(said) == {None, wanted}
    assert said == sorted(said, key=lambda one: one is not None)
    warning = bytes.fromhex("15 0303 0002 01 70")
    assert speaks_1_3(warning + received) is wanted
    for size in (1, 3, 7, 50):
        hello = resliced(received[: 5 + int.from_bytes(received[3:5], "big")], size)
        assert speaks_1_3(hello) is wanted


def test_an_alert_alone_is_no_choice():
    assert speaks_1_3(PROTOCOL_VERSION_ALERT) is None
    assert speaks_1_3(b"") is None


@pytest.mark.parametrize("other", [b"HTTP/1.1 200 OK\r\n\r\n", b"SSH-2.0-x\r\n", b"\0" * 50])
def test_what_is_no_tls_is_refused(other):
    assert speaks_1_3(other) is False


@given(garbage=st.binary(max_size=200))
def test_garbage_is_never_taken_for_1_3(garbage):
    assert speaks_1_3(garbage) is not True
    framed = b"\x16\x03\x03" + len(garbage).to_bytes(2, "big") + garbage
    assert speaks_1_3(framed) is not True


@given(at=st.integers(0, 2**16), value=st.integers(0, 255))
def test_a_flipped_octet_raises_nothing(pems_of_1_2, at, value):
    changed = bytearray(pems_of_1_2)
    changed[at % len(changed)] = value
    speaks_1_3(bytes(changed))


@pytest.fixture(scope="session")
def pems_of_1_2(pems):
    return begun(pems, V2)
