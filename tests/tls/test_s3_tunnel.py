"""The tunnel on loopback is no proxy for anybody else, and carries TLS alone."""

import socket
from base64 import b64encode
from urllib.parse import urlsplit

import pytest
from tls_servers import V2, V3, front, one_version, spoken
from tls_site import HOST

from cloud_marketdata.storage.objects.tunnel import Tunnel


@pytest.fixture
def tunnel():
    made = Tunnel(2.0)
    yield made
    made.close()


def key_of(tunnel):
    url = urlsplit(tunnel.url)
    return b64encode(f"{url.username}:{url.password}".encode()).decode()


def asked(tunnel, line, key):
    """Ask, and return the open socket and the first line of the answer."""
    near = socket.create_connection((HOST, urlsplit(tunnel.url).port), timeout=5)
    said = f"{line} HTTP/1.1\r\nHost: x\r\nproxy-authorization: Basic {key}\r\n\r\n"
    near.sendall(said.encode())
    return near, near.recv(4096).decode().split("\r\n")[0]


@pytest.mark.parametrize("key", ["", "eDp5", "wrong=="])
def test_nobody_without_the_secret_is_carried(tunnel, key):
    near, answer = asked(tunnel, f"CONNECT {HOST}:1", key)
    with near:
        assert answer == "HTTP/1.1 407 Proxy Authentication Required"


@pytest.mark.parametrize("line", ["GET http://127.0.0.1/", "CONNECT nowhere", "CONNECT x:y"])
def test_nothing_but_connections_is_carried(tunnel, line):
    near, answer = asked(tunnel, line, key_of(tunnel))
    with near:
        assert answer == "HTTP/1.1 405 Method Not Allowed"


def test_a_server_that_is_not_there_is_told(tunnel):
    near, answer = asked(tunnel, f"CONNECT {HOST}:1", key_of(tunnel))
    with near:
        assert answer == "HTTP/1.1 502 Bad Gateway"


@pytest.mark.parametrize(("version", "reached"), [(V3, "TLSv1.3"), (V2, None)])
def test_a_client_that_would_take_1_2_gets_1_3_or_nothing(tunnel, pems, version, reached):
    with front(one_version(pems, version), 1) as port:
        assert spoken(port, pems, version) is not None
        near, answer = asked(tunnel, f"CONNECT localhost:{port}", key_of(tunnel))
        assert answer == "HTTP/1.1 200 Connection established"
        assert spoken_on(near, pems) == reached


def spoken_on(near, pems):
    try:
        with pems.trust(minimum_version=V2).wrap_socket(near, server_hostname="localhost") as one:
            return one.version()
    except OSError:
        return None


def test_what_is_no_tls_is_not_carried(tunnel):
    with socket.create_server((HOST, 0)) as listener:
        near, answer = asked(tunnel, f"CONNECT {HOST}:{listener.getsockname()[1]}", key_of(tunnel))
        far, _ = listener.accept()
        with near, far:
            assert answer.startswith("HTTP/1.1 200")
            far.sendall(b"HTTP/1.1 200 OK\r\n\r\nplain")
            got = b""
            while data := near.recv(100):
                got += data
        assert b"plain" not in got


def test_after_its_end_nobody_is_carried(tunnel):
    tunnel.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((HOST, urlsplit(tunnel.url).port), timeout=1)
