"""Lets obstore speak TLS 1.3 alone, for which it has no option.

obstore asks a proxy on loopback for each connection, which is this one. TLS stays between obstore
and the S3: nothing is decrypted here, and obstore verifies who answers. The tunnel only looks at
the server's first message, and where that chooses an older TLS it never arrives: the connection
ends as if the server itself had refused. Nobody else may use it: a secret is asked for.
"""

import secrets
import socket
import threading
from base64 import b64encode
from contextlib import suppress
from typing import Final

from cloud_marketdata.storage.objects.hello import PROTOCOL_VERSION_ALERT, speaks_1_3

_HEAD_MAX: Final = 8192
_CHUNK: Final = 65_536
_AT_ONCE: Final = 64
"""Connections; obstore has a dozen."""
_USER: Final = "tunnel"


class Tunnel:
    """A proxy for CONNECT that carries TLS 1.3; `url` holds the secret.

    patience_s: how long to wait for a client's words, and for a server to accept a connection.
    """

    def __init__(self, patience_s: float) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._patience_s = patience_s
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        word = secrets.token_urlsafe(32)
        self._key = b64encode(f"{_USER}:{word}".encode()).decode()
        self.url = f"http://{_USER}:{word}@127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True, name="s3-tunnel").start()

    def close(self) -> None:
        """Carry no further connection; those that are open go on."""
        _shut(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._pass, args=(near,), daemon=True).start()
            else:
                near.close()

    def _pass(self, near: socket.socket) -> None:
        try:
            with near, suppress(OSError):
                near.settimeout(self._patience_s)
                _Passage(near, self._key, self._patience_s).carry()
        finally:
            self._places.release()


class _Passage:
    """One connection, by whoever knows the key."""

    def __init__(self, near: socket.socket, key: str, patience_s: float) -> None:
        self._near = near
        self._key = key
        self._patience_s = patience_s

    def carry(self) -> None:
        """Connect the client with the server that it names, and carry until one of them ends."""
        target = self._asked()
        if target is None:
            return
        try:
            far = socket.create_connection(target, self._patience_s)
        except OSError:
            self._say("502 Bad Gateway")
            return
        with far:
            for end in (far, self._near):
                end.settimeout(None)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._say("200 Connection established")
            up = threading.Thread(target=_carry, args=(self._near, far), daemon=True)
            up.start()
            _let_in(far, self._near)
            _shut(far)
            _shut(self._near)
            up.join()

    def _asked(self) -> tuple[str, int] | None:
        """Return where to; None where nobody may, or nobody waits, who is told so."""
        head = b""
        with suppress(OSError):
            while b"\r\n\r\n" not in head and len(head) < _HEAD_MAX:
                part = self._near.recv(_HEAD_MAX)
                if not part:
                    return None
                head += part
        lines = head.decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        host, _, port = rest.partition(" ")[0].rpartition(":")
        said = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        shown = {name.lower(): value for name, value in said.items()}.get("proxy-authorization", "")
        if not secrets.compare_digest(shown.encode(), f"Basic {self._key}".encode()):
            self._say("407 Proxy Authentication Required")
        elif method != "CONNECT" or not port.isdecimal():
            self._say("405 Method Not Allowed")
        else:
            return host.strip("[]"), int(port)
        return None

    def _say(self, status: str) -> None:
        with suppress(OSError):
            self._near.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode("ascii"))


def _let_in(far: socket.socket, near: socket.socket) -> None:
    """Carry what the server says once it has chosen TLS 1.3, or tell the client that it has not."""
    received, verdict = b"", None
    with suppress(OSError):
        while verdict is None and (data := far.recv(_CHUNK)):
            received += data
            verdict = speaks_1_3(received)
        if verdict is False:
            near.sendall(PROTOCOL_VERSION_ALERT)
            return
        # Also where the server has ended before it chose: then no handshake can come of it.
        near.sendall(received)
        if verdict:
            _carry(far, near)


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(_CHUNK):
            other.sendall(data)
    _shut(other)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
