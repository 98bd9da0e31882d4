"""Real servers over TLS of one version: Redis, MongoDB, and a front for what has no TLS itself."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tls_site import Pems

from servers.mongodb import MongoServer
from servers.program import HOST, free_port, until
from servers.redis import RedisServer

V2: Final = ssl.TLSVersion.TLSv1_2
V3: Final = ssl.TLSVersion.TLSv1_3
_NAMES: Final = {V2: "TLSv1.2", V3: "TLSv1.3"}
_DISABLED: Final = {V2: "TLS1_0,TLS1_1,TLS1_3", V3: "TLS1_0,TLS1_1,TLS1_2"}


class SecureRedis(RedisServer):
    """A Redis that speaks one version of TLS and nothing else."""

    def __init__(self, folder: Path, pems: Pems, version: ssl.TLSVersion) -> None:
        self.secure_port = free_port()
        self._pems = pems
        keys = ("--tls-cert-file", pems.path("server"), "--tls-key-file", pems.path("server-key"))
        trust = ("--tls-ca-cert-file", pems.path("ca"), "--tls-auth-clients", "no")
        spoken = ("--tls-port", self.secure_port, "--tls-protocols", _NAMES[version])
        super().__init__(folder, "--port", 0, *spoken, *keys, *trust)
        self.url = f"rediss://localhost:{self.secure_port}/0"

    def _pinged(self) -> None:
        with (
            socket.create_connection((HOST, self.secure_port), timeout=1) as plain,
            self._pems.trust().wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            secured.sendall(b"PING\r\n")
            assert secured.recv(64).startswith(b"+PONG")


class SecureMongo(MongoServer):
    """A MongoDB that speaks one version of TLS, and for its founder also none."""

    def __init__(self, folder: Path, pems: Pems, version: ssl.TLSVersion) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        both = folder / "both.pem"
        both.write_text(Path(pems.path("server")).read_text())
        with both.open("a") as file:
            file.write(Path(pems.path("server-key")).read_text())
        keys = ("--tlsCertificateKeyFile", both, "--tlsCAFile", pems.path("ca"))
        spoken = ("--tlsMode", "preferTLS", "--tlsDisabledProtocols", _DISABLED[version])
        super().__init__(
            folder / "data", *keys, *spoken, "--tlsAllowConnectionsWithoutCertificates"
        )
        self.url = f"mongodb://localhost:{self.port}/?tls=true&replicaSet=rs0"

    def found(self) -> None:
        """Make it a replica set of its own, and wait until it takes writes."""
        with self.client() as client:
            member = {"_id": 0, "host": f"localhost:{self.port}"}
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
        until(self._takes_writes)

    def _takes_writes(self) -> None:
        assert self.hello()["isWritablePrimary"]


def one_version(pems: Pems, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return the context of a server that speaks this version alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pems.path("server"), pems.path("server-key"))
    context.minimum_version = context.maximum_version = version
    return context


class _Relay(socketserver.BaseRequestHandler):
    """One connection: a handshake as OpenSSL makes it, with alerts, then what comes is carried."""

    def handle(self) -> None:
        """Carry until one end closes."""
        with (
            suppress(OSError),
            self.server.tls.wrap_socket(self.request, server_side=True) as near,
            socket.create_connection((HOST, self.server.backend)) as far,
        ):
            back = threading.Thread(target=_carry, args=(far, near), daemon=True)
            back.start()
            _carry(near, far)
            back.join()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


class _Front(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, tls: ssl.SSLContext, backend: int, host: str) -> None:
        super().__init__((host, 0), _Relay)
        self.tls = tls
        self.backend = backend


@contextmanager
def front(tls: ssl.SSLContext, backend: int, host: str = HOST) -> Iterator[int]:
    """Stand with TLS before a port of this machine while the block runs; yields the own port."""
    with _Front(tls, backend, host) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def spoken(port: int, pems: Pems, version: ssl.TLSVersion) -> str | None:
    """Return the version that a client of this version gets, which is not one of ours."""
    trust = pems.trust(minimum_version=version, maximum_version=version)
    with socket.create_connection((HOST, port), timeout=5) as plain:
        try:
            with trust.wrap_socket(plain, server_hostname="localhost") as secured:
                return secured.version()
        except ssl.SSLError:
            return None
