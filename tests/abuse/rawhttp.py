"""HTTP as bytes over a socket of one's own, from any address of loopback.

A well-behaved client cannot be rude. Every case speaks from an address that nobody else uses, so
what the service remembers of that address is what it remembers of the case.
"""

import json
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from http.client import HTTPException, HTTPMessage, HTTPResponse
from itertools import count
from typing import Any, Final, NamedTuple

PATIENCE_S: Final = 20
PROBLEM: Final = "application/problem+json"
_numbers = count(1)


class Answer(NamedTuple):
    """What came back; status 0 where the connection was closed without an answer."""

    status: int
    headers: HTTPMessage
    body: bytes

    @classmethod
    def of(
        cls, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> "Answer":
        """Return an answer that was heard by another library."""
        message = HTTPMessage()
        for name, value in headers:
            message[name] = value
        return cls(status, message, body)

    @property
    def document(self) -> Any:  # noqa: ANN401  whatever JSON it is
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return the stable code of a problem; empty where it is none."""
        if self.headers.get_content_type() != PROBLEM:
            return ""
        return self.document["code"]

    @property
    def all_of_it(self) -> bytes:
        """Return everything that was said, to look for what must not be in it."""
        return b"\n".join(f"{k}: {v}".encode() for k, v in self.headers.items()) + self.body


class Door(NamedTuple):
    """Where the service listens."""

    host: str
    port: int
    tls: bool = False

    @property
    def name(self) -> str:
        """Return what a Host header says."""
        return f"{self.host}:{self.port}"


def fresh_address() -> str:
    """Return an address of loopback that no other case speaks from."""
    number = next(_numbers)
    return f"127.77.{number // 250}.{number % 250 + 1}"


def dialled(door: Door, address: str, patience_s: float = PATIENCE_S, *alpn: str) -> socket.socket:
    """Connect from an address; over TLS without asking who it is."""
    plain = socket.create_connection(door[:2], patience_s, source_address=(address, 0))
    return trusting(*alpn).wrap_socket(plain) if door.tls else plain


def trusting(*alpn: str) -> ssl.SSLContext:
    """Return a context of a client that believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(alpn or ("http/1.1",))
    return context


def written(
    door: Door,
    target: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    *,
    method: str = "GET",
    body: bytes = b"",
) -> bytes:
    """Write a request as it goes over the wire; a Host of one's own takes the place of ours."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.insert(0, ("Host", door.name))
    if body and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """Read one answer; a connection that is closed or reset answers nothing."""
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, response.headers, response.read())
    except (HTTPException, ConnectionError):
        return Answer.of(0)
    finally:
        response.close()


def exchanged(door: Door, address: str, request: bytes, method: str = "GET") -> Answer:
    """Send bytes and read the first answer, also where it comes before all bytes are taken."""
    with closing(dialled(door, address)) as connection:
        with suppress(ConnectionError):
            connection.sendall(request)
        return read_answer(connection, method)


def said_until_closed(door: Door, address: str, request: bytes, patience_s: float) -> bytes:
    """Send bytes and return all that comes back until the service closes, or is silent so long."""
    heard = b""
    with closing(dialled(door, address, patience_s)) as connection:
        connection.sendall(request)
        with suppress(ConnectionError, TimeoutError):
            while piece := connection.recv(65_536):
                heard += piece
    return heard
