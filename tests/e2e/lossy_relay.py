"""A relay of HTTP in which the answers to some requests are lost, after they were carried out."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_PIECE: Final = 65_536
_PATIENCE_S: Final = 10


class Relay:
    """Loses the answer to a request where `loses` says so of all that were asked, it being last.

    A request is told as its method and path.
    """

    def __init__(self, to: int) -> None:
        self.loses: Callable[[list[str]], bool] = lambda _: False
        self._asked: list[str] = []
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        """Serve one connection after the other, until closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, suppress(OSError):
                    self._serve(client)

    def close(self) -> None:
        """Take no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        request = client.recv(_PIECE)
        with socket.create_connection(("127.0.0.1", self._to), _PATIENCE_S) as server:
            # One exchange a connection is all that the command line wants of it.
            server.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            answer = b"".join(iter(lambda: server.recv(_PIECE), b""))
        self._asked.append(" ".join(request.decode("latin-1").split()[:2]))
        if not self.loses(self._asked):
            client.sendall(answer)


@contextmanager
def relayed(url: str) -> Iterator[Relay]:
    """Put a relay before a service on loopback."""
    relay = Relay(int(url.rsplit(":", 1)[1]))
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join(_PATIENCE_S)
